// A whole agent that loses its hub, and what its status says of that, from the first second to the return.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { again, begin, kernelText, online, other, shake } from './agent-rig.fake.ts'

const test = suite('agent cut off')

test('while the hub is there, nothing is missing; then the cause, the ages and the tries are told', async () => {
  const rig = await online()
  shake(rig, other, '192.168.1.9:51820')
  await rig.advance(30_000)
  const there = rig.agent.status()
  assert.is(there.cutOff, undefined)
  assert.is(there.hub.failure, undefined)
  assert.equal([there.hub.lastContact, there.hub.lastContactAgeS], [rig.clock.now(), 0])
  const signedAt = there.revision.signedAt ?? 0
  rig.broker.setDown(true)
  const lostAt = rig.clock.now()
  await rig.advance(60_000)
  const { cutOff, hub, revision } = rig.agent.status()
  assert.equal(cutOff, {
    since: lostAt,
    waitsFor: 'hub-host',
    peersReachable: 1,
    peersTotal: 1,
    relays: [],
    hubHeardBy: [],
  })
  assert.equal([hub.lastContact, hub.lastContactAgeS], [lostAt, 60])
  assert.equal([hub.failure?.code, hub.failure?.count, hub.failure?.reason], ['unreachable', 1, 'the broker is gone'])
  assert.is(revision.ageS, Math.floor((rig.clock.now() - signedAt) / 1_000))
  rig.broker.setDown(false)
  await rig.advance(5_000)
  assert.equal([rig.agent.status().cutOff, rig.agent.status().hub.failure], [undefined, undefined])
  await rig.stop()
})

test('a broker without its hub, and a broker that turns the node away, are told apart', async () => {
  const rig = begin()
  await rig.agent.start()
  await rig.advance(1_000)
  assert.is(rig.agent.status().cutOff?.waitsFor, 'hub')
  rig.broker.refuse(rig.agent.status().nodeId, 'unauthenticated')
  await rig.advance(1_000)
  assert.is(rig.agent.status().cutOff?.waitsFor, 'credentials')
  await rig.stop()
})

test('a link that comes and goes for an hour costs neither the kernel nor the flash, and the hub little', async () => {
  const rig = await online()
  shake(rig, other, '192.168.1.9:51820')
  await rig.advance(60_000)
  const [kernel, timers] = [kernelText(rig), rig.timers()]
  const [journal, values, said] = [rig.store.writes.journal, rig.store.writes.value, rig.broker.published.length]
  for (let i = 0; i < 900; i++) {
    rig.broker.setDown(i % 2 === 0)
    await rig.advance(4_000)
  }
  assert.is(kernelText(rig), kernel)
  assert.ok(rig.timers() <= timers + 4, `${rig.timers()} timers`)
  assert.ok(rig.store.writes.journal - journal <= 80, `${rig.store.writes.journal - journal} journal rows`)
  assert.ok(rig.store.writes.value - values <= 90, `${rig.store.writes.value - values} values written`)
  const each = (rig.broker.published.length - said) / 450
  assert.ok(each <= 6, `${each} messages for each return`)
  await rig.stop()
})

test('after a cold boot with the clock in 1970 no age is made up', async () => {
  const first = await online()
  await first.advance(30_000)
  first.broker.setDown(true)
  const lostAt = first.clock.now()
  await first.stop()
  const second = again(first)
  second.clock.setWall(5_000)
  await second.agent.start()
  const { hub, revision } = second.agent.status()
  assert.is(hub.lastContact, lostAt)
  assert.equal([hub.lastContactAgeS, revision.ageS], [undefined, undefined])
  await second.stop()
})

test('a quiet hub is heard as long as it is there, also by whom the power goes', async () => {
  const first = await online()
  await first.leap(50)
  const cutAt = first.clock.now()
  first.kill()
  first.broker.setDown(true)
  const second = again(first)
  await second.agent.start()
  const { hub, modeSince } = second.agent.status()
  assert.ok(cutAt - (hub.lastContact ?? 0) <= 3_600_000, `${cutAt - (hub.lastContact ?? 0)} ms`)
  assert.is(modeSince, hub.lastContact)
  await second.stop()
})

test.run()
