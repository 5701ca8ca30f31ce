// Overrides on a whole agent: in the kernel's rules, over restarts and bad clocks, ended by time and by hand.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { again, codes, kernelText, me, online, type Rig } from '../agent-rig.fake.ts'
import type { OverrideOrder } from './book.ts'
import { by, cutOff, events, isOpen, openPort, order, policy } from './orders.fake.ts'

test('set on a device that is cut off, it is in the kernel at once, and nothing but the rules differs', async () => {
  const rig = await cutOff()
  const rest = (): string => kernelText(rig).replace(/"table inet.*/s, '')
  const before = rest()
  assert.not(isOpen(rig))
  const { override } = rig.agent.overrides.set(order())
  await rig.advance(10)
  assert.ok(isOpen(rig))
  const until = Math.ceil(override.expiresAt / 1_000)
  assert.equal(
    rig.kernel.policy?.phases.map(({ untilS }) => untilS),
    [until, undefined],
  )
  assert.is(rest(), before)
  assert.equal(rig.agent.status().overrides, [override])
  assert.is(override.state, 'active')
  const condition = rig.agent.status().health.find(({ code }) => code === 'policy-override')
  assert.match(condition?.detail ?? '', /open.*login anna.*line 3 is down/)
  assert.ok(events(rig).includes('override-set'))
  await rig.stop()
})

test('it ends by itself, to the rules that were there before', async () => {
  const rig = await cutOff()
  const before = kernelText(rig)
  rig.agent.overrides.set(order({ durationMs: 20_000 }))
  await rig.advance(19_900)
  assert.ok(isOpen(rig))
  await rig.advance(200)
  assert.is(kernelText(rig), before)
  assert.not(codes(rig).includes('policy-override'))
  assert.is(rig.agent.status().overrides[0]?.state, 'expired')
  assert.ok(events(rig).includes('override-expired'))
  await rig.stop()
})

test('a power cut keeps it, and the time that it has had', async () => {
  const rig = await cutOff()
  rig.agent.overrides.set(order({ durationMs: 60_000 }))
  await rig.advance(30_000)
  rig.kill()
  rig.kernel.policy = undefined
  const next = again(rig)
  await next.agent.start()
  assert.ok(isOpen(next), 'in force with the first turn')
  assert.ok(codes(next).includes('policy-override'))
  await next.advance(31_500)
  assert.not(isOpen(next))
  await next.stop()
})

test('a clock that went back over the power cut does not make it live longer', async () => {
  const rig = await cutOff()
  rig.agent.overrides.set(order({ durationMs: 60_000 }))
  await rig.advance(40_000)
  rig.kill()
  rig.clock.setWall(0)
  const next = again(rig)
  await next.agent.start()
  assert.ok(isOpen(next))
  await next.advance(20_500)
  assert.not(isOpen(next))
  await next.stop()
})

test('a clock that leaps ahead ends it, and turning it back does not bring it back', async () => {
  const rig = await cutOff()
  rig.agent.overrides.set(order())
  await rig.advance(100)
  const now = rig.clock.now()
  rig.clock.setWall(now + 86_400_000)
  await rig.advance(4_100)
  assert.not(isOpen(rig))
  rig.clock.setWall(now)
  await rig.advance(10_000)
  assert.not(isOpen(rig))
  await rig.stop()
})

test('what was changed on the disk does not verify and is not in force', async () => {
  const rig = await cutOff()
  rig.agent.overrides.set(order())
  await rig.stop()
  const kept = rig.store.get('policy-overrides') ?? ''
  const [entry] = JSON.parse(kept) as [{ override: string; paidMs: number }]
  const bytes = Buffer.from(entry.override, 'base64')
  bytes.writeUInt8(bytes.readUInt8(200) ^ 1, 200)
  rig.store.set('policy-overrides', JSON.stringify([{ ...entry, override: bytes.toString('base64') }]))
  const next = again(rig)
  await next.agent.start()
  await next.advance(1_000)
  assert.not(isOpen(next))
  assert.equal(next.agent.status().overrides, [])
  assert.ok(events(next).includes('override-refused'))
  await next.stop()
})

test('ended by hand, by the beginning of its id; with several, one must be named', async () => {
  const rig = await cutOff()
  const first = rig.agent.overrides.set(order()).override
  await rig.advance(10)
  const second = rig.agent.overrides.set(order({ policies: [policy('more', openPort)] })).override
  await rig.advance(10)
  const which = (() => {
    try {
      return rig.agent.overrides.restore(undefined, by)
    } catch (error) {
      return error
    }
  })()
  assert.ok(isHoldfastError(which, 'not-found'))
  assert.is(rig.agent.overrides.restore(first.id.slice(0, 8), by).state, 'restored')
  await rig.advance(10)
  assert.ok(isOpen(rig))
  assert.is(rig.agent.overrides.restore(undefined, by).id, second.id)
  await rig.advance(10)
  assert.not(isOpen(rig))
  await rig.stop()
})

function refusal(rig: Rig, changes: Partial<OverrideOrder>): unknown {
  try {
    return rig.agent.overrides.set(order(changes))
  } catch (error) {
    return error
  }
}

test('what would change nothing here, or could not be enforced, is refused by name', async () => {
  const rig = await cutOff()
  for (const [spec, what] of [
    [{ subject: { nodeSelector: { matchLabels: { role: 'other' } } }, ingress: [{}] }, /changes nothing/],
    [{ subject: { node: 'other' }, ingress: [{}] }, /changes nothing/],
    [{ ...openPort, mode: 'Audit' }, /changes nothing/],
    [{ ...openPort, network: 'elsewhere' }, /belongs to default/],
    [{ subject: { nodeSelector: {}, podSelector: {} }, ingress: [{}] }, /pods/],
    [{ subject: { nodeSelector: {} }, ingress: [{ ports: [{ port: 'http' }] }] }, /named port/],
  ] as const) {
    const error = refusal(rig, { policies: [policy('open', spec)] })
    assert.ok(isHoldfastError(error, 'invalid'), JSON.stringify(spec))
    assert.match(error.message, what)
    assert.match(error.field ?? '', /^Policy\/open/)
  }
  assert.equal(rig.agent.overrides.views(), [])
  await rig.stop()
})

test('a bounded number of them, and what ended is kept for a while only', async () => {
  const rig = await cutOff()
  const set = (index: number) => rig.agent.overrides.set(order({ reason: `number ${index}` }))
  for (let index = 0; index < 4; index++) set(index)
  assert.ok(isHoldfastError(refusal(rig, {}), 'exhausted'))
  for (let index = 4; index < 20; index++) {
    rig.agent.overrides.restore(rig.agent.overrides.views()[0]?.id, by)
    set(index)
  }
  assert.is(rig.agent.overrides.views().length, 8)
  await rig.stop()
})

test('who is no member has no policy to override', async () => {
  const rig = await online()
  rig.hub.remove(`node/${me.name}`)
  rig.hub.publish()
  await rig.advance(1_000)
  assert.ok(isHoldfastError(refusal(rig, {}), 'forbidden'))
  await rig.stop()
})

test('a Standard policy where nobody spoke of ingress closes the rest, and says so', async () => {
  const rig = await online()
  assert.match(rig.agent.overrides.set(order()).warnings.join(), /ingress/)
  assert.equal(rig.agent.overrides.set(order({ reason: 'again' })).warnings, [])
  rig.agent.overrides.views().forEach(({ id }) => rig.agent.overrides.restore(id, by))
  rig.hub.put('network/default', {
    name: 'default',
    spec: parseWith(specs.Network, { cidr: '10.77.0.0/16', defaultPolicy: 'Deny' }),
  })
  rig.hub.publish()
  await rig.advance(1_000)
  assert.equal(rig.agent.overrides.set(order()).warnings, [])
  await rig.stop()
})

test('a disk that takes no writes is no reason to stay cut off, and is said', async () => {
  const rig = await cutOff()
  rig.store.full = true
  const { warnings } = rig.agent.overrides.set(order())
  await rig.advance(100)
  assert.ok(isOpen(rig))
  assert.match(warnings.join(), /restart/)
  await rig.stop()
})

test.run()
