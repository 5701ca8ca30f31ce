// The mirror on a whole agent: in force at once, over restarts and bad clocks, ended by time and by hand, and never unseen.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCidr } from '../../shared/address/cidr.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { again, begin, codes, online, other, type Rig } from '../agent-rig.fake.ts'
import { createFakeMirror, type FakeMirror } from './mirror.fake.ts'
import type { MirrorOrder } from './order.ts'

const by = { uid: 0, login: 'anna' } as const

function order(changes: Partial<MirrorOrder> = {}): MirrorOrder {
  const select = { peers: [other.name], cidrs: [], services: ['502'] }
  return { to: 'ids0', ...select, packetsPerS: 1_000, durationMs: 3_600_000, reason: 'ticket 4711', by, ...changes }
}

async function started(mirror: FakeMirror): Promise<Rig> {
  const rig = begin({ extra: { mirror: mirror.driver } })
  await rig.agent.start()
  await rig.advance(1_000)
  return rig
}
const events = ({ store }: Rig): readonly string[] => store.loadJournal(100).map(({ event }) => event)
const detail = ({ agent }: Rig): string =>
  agent.status().health.find(({ code }) => code === 'traffic-mirrored')?.detail ?? ''
const refused = async (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => 'taken',
    (error: unknown) => error,
  )

test('in force at once, by the addresses of who is named, and in every status', async () => {
  const mirror = createFakeMirror()
  const rig = await started(mirror)
  assert.not(codes(rig).includes('traffic-mirrored'))
  const { mirror: view, warnings } = await rig.agent.mirror.start(order())
  assert.equal(warnings, [])
  assert.match(
    mirror.stands?.ruleset ?? '',
    new RegExp(`ip6? saddr \\{ ${other.address}/\\d+ \\} tcp sport \\{ 502 \\} goto copy`),
  )
  assert.match(mirror.stands?.ruleset ?? '', new RegExp(`meta time >= ${Math.ceil(view.expiresAt / 1_000)} return`))
  assert.equal(rig.agent.status().mirror, { ...view, packets: { copied: 7, spared: 0 } })
  assert.match(detail(rig), /other: 502 to ids0 until .* by root \(login anna\): ticket 4711$/)
  assert.ok(events(rig).includes('mirror-started'))
  await rig.stop()
  assert.ok(mirror.stands, 'the kernel goes on')
})

test('it ends by itself', async () => {
  const mirror = createFakeMirror()
  const rig = await started(mirror)
  await rig.agent.mirror.start(order({ durationMs: 20_000 }))
  await rig.advance(19_900)
  assert.ok(mirror.stands)
  await rig.advance(300)
  assert.is(mirror.stands, undefined)
  assert.is(rig.agent.status().mirror, undefined)
  assert.not(codes(rig).includes('traffic-mirrored'))
  assert.ok(events(rig).includes('mirror-expired'))
  await rig.stop()
})

test('a power cut keeps it, and the time that it has had, whatever the clock says then', async () => {
  const mirror = createFakeMirror()
  const rig = await started(mirror)
  await rig.agent.mirror.start(order({ durationMs: 60_000 }))
  await rig.advance(30_000)
  rig.kill()
  mirror.stands = undefined
  rig.clock.setWall(0)
  const next = again(rig, { extra: { mirror: mirror.driver } })
  await next.agent.start()
  assert.ok(mirror.stands, 'with the first turn')
  assert.ok(codes(next).includes('traffic-mirrored'))
  await next.advance(31_500)
  assert.is(mirror.stands, undefined)
  await next.stop()
})

test('what ended while no agent ran is taken away by the next', async () => {
  const mirror = createFakeMirror()
  const rig = await started(mirror)
  await rig.agent.mirror.start(order({ durationMs: 60_000 }))
  await rig.stop()
  rig.clock.advance(3_600_000)
  const next = again(rig, { extra: { mirror: mirror.driver } })
  await next.agent.start()
  assert.is(mirror.stands, undefined)
  assert.is(next.agent.status().mirror, undefined)
  await next.stop()
})

test('ended by hand, and then nothing of it comes back', async () => {
  const mirror = createFakeMirror()
  const rig = await started(mirror)
  await rig.agent.mirror.start(order())
  assert.equal((await rig.agent.mirror.stop({ by })).warnings, [])
  assert.is(mirror.stands, undefined)
  assert.ok(isHoldfastError(await refused(rig.agent.mirror.stop({ by })), 'not-found'))
  await rig.stop()
  const next = again(rig, { extra: { mirror: mirror.driver } })
  await next.agent.start()
  assert.is(mirror.stands, undefined)
  assert.is(next.agent.status().mirror, undefined)
  await next.stop()
})

test('what somebody takes away is put back with the next turn; what is in the way is said, and waited for', async () => {
  const mirror = createFakeMirror()
  const rig = await started(mirror)
  await rig.agent.mirror.start(order())
  mirror.stands = undefined
  await rig.advance(4_100)
  assert.ok(mirror.stands)
  mirror.fault = new HoldfastError('conflict', 'ids0 is down')
  await rig.advance(4_100)
  assert.match(detail(rig), /waits: ids0 is down/)
  assert.match(rig.agent.status().mirror?.waits ?? '', /ids0 is down/)
  mirror.fault = undefined
  await rig.advance(4_100)
  assert.ok(mirror.stands)
  assert.is(rig.agent.status().mirror?.waits, undefined)
  await rig.stop()
})

test('one that has ended and can’t be taken away is still told', async () => {
  const mirror = createFakeMirror()
  const rig = await started(mirror)
  await rig.agent.mirror.start(order())
  mirror.fault = new HoldfastError('failed', 'nft: no memory')
  const { warnings } = await rig.agent.mirror.stop({ by })
  assert.match(warnings.join(), /still in the kernel/)
  assert.match(detail(rig), /may be in the kernel still: nft: no memory/)
  mirror.fault = undefined
  await rig.advance(4_100)
  assert.is(mirror.stands, undefined)
  assert.not(codes(rig).includes('traffic-mirrored'))
  await rig.stop()
})

test('who is refused starts nothing, and one that was in force goes on', async () => {
  const mirror = createFakeMirror()
  const rig = await started(mirror)
  const unknown = order({ peers: [parseName('nobody')] })
  assert.ok(isHoldfastError(await refused(rig.agent.mirror.start(unknown)), 'not-found'))
  assert.ok(isHoldfastError(await refused(rig.agent.mirror.start(order({ peers: [parseName('me')] }))), 'invalid'))
  mirror.fault = new HoldfastError('forbidden', 'ids0 has the address 192.0.2.1')
  assert.ok(isHoldfastError(await refused(rig.agent.mirror.start(order())), 'forbidden'))
  assert.is(rig.agent.status().mirror, undefined)
  assert.not(events(rig).includes('mirror-started'))
  mirror.fault = undefined
  await rig.agent.mirror.start(order())
  await refused(rig.agent.mirror.start(order({ peers: [parseName('nobody')] })))
  await rig.advance(4_100)
  assert.is(rig.agent.status().mirror?.reason, 'ticket 4711')
  await rig.stop()
})

test('another one takes its place', async () => {
  const mirror = createFakeMirror()
  const rig = await started(mirror)
  await rig.agent.mirror.start(order())
  await rig.agent.mirror.start(order({ to: 'ids9', peers: [], cidrs: [parseCidr('10.9.0.0/16')], reason: 'more' }))
  assert.is(mirror.stands?.to, 'ids9')
  assert.match(mirror.stands?.ruleset ?? '', /ip saddr \{ 10\.9\.0\.0\/16 \}/)
  assert.is(rig.agent.status().mirror?.reason, 'more')
  await rig.stop()
})

test('who leaves the network is copied no more, and nobody else is in his place', async () => {
  const mirror = createFakeMirror()
  const rig = await online({ extra: { mirror: mirror.driver } })
  await rig.agent.mirror.start(order())
  rig.hub.remove('node/other').publish()
  await rig.advance(10_000)
  assert.ok(mirror.stands)
  assert.not.match(mirror.stands?.ruleset ?? '', /goto copy/)
  await rig.stop()
})

test.run()
