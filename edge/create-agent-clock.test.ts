// A whole agent whose clock is in 2080 for a while: nothing is taken away because of it, and nothing of it stays once the clock
// is right again.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../shared/effects.fake.ts'
import { again, begin, codes, kernelText, online, other, peerCount, type Rig, shake, third } from './agent-rig.fake.ts'

const test = suite('agent clock')

const IN_2080 = Date.UTC(2080, 0, 1)
const floorOf = (rig: Rig): number => Number(rig.store.get('time-floor') ?? 0)

test('an hour in 2080 changes nothing in the kernel, and newer intent is taken', async () => {
  const rig = await online()
  shake(rig, other, '192.168.1.9:51820')
  await rig.advance(30_000)
  const [before, now] = [kernelText(rig), rig.clock.now()]
  rig.clock.setWall(IN_2080)
  await rig.advance(3_600_000)
  assert.is(kernelText(rig), before)
  assert.is(rig.agent.status().mode, 'online')
  rig.hub.putNode(third).publish()
  await rig.advance(5_000)
  assert.is(rig.agent.status().revision.applied.revision, 2)
  rig.clock.setWall(now + 3_605_000)
  await rig.advance(3_600_000)
  rig.hub.remove(`node/${third.name}`).publish()
  await rig.advance(5_000)
  assert.is(rig.agent.status().revision.applied.revision, 3)
  assert.equal([peerCount(rig), codes(rig).includes('clock-behind')], [1, false])
  await rig.stop()
})

test('a start in 2080 without a hub leaves no time behind that would pull the clock ahead at the next start', async () => {
  const first = begin({ clock: new FakeClock(IN_2080) })
  first.broker.setDown(true)
  await first.agent.start()
  await first.advance(1_800_000)
  await first.stop()
  assert.is(floorOf(first), 0)
  const raised: number[] = []
  const second = again(first, {
    extra: {
      raiseClock: async (floorMs) => {
        raised.push(floorMs)
        return undefined
      },
    },
  })
  const now = first.hub.issuedAt + 86_400_000
  second.clock.setWall(now)
  await second.agent.start()
  await second.advance(60_000)
  await second.stop()
  assert.equal(raised, [])
  assert.equal([peerCount(second), codes(second).includes('clock-behind')], [1, false])
  assert.ok(floorOf(second) >= now && floorOf(second) < now + 120_000)
})

test('a clock that was a few years ahead is believed no longer once it is set back', async () => {
  const rig = await online()
  const now = rig.clock.now()
  rig.clock.setWall(now + 3 * 365 * 86_400_000)
  await rig.advance(1_200_000)
  assert.ok(floorOf(rig) > now + 2 * 365 * 86_400_000)
  rig.clock.setWall(now + 1_200_000)
  await rig.advance(10_000)
  assert.ok(floorOf(rig) <= rig.clock.now())
  const { modeSince } = rig.agent.status()
  rig.broker.setDown(true)
  await rig.advance(60_000)
  assert.ok(rig.agent.status().modeSince > modeSince)
  assert.equal([rig.agent.status().hub.lastContactAgeS, peerCount(rig)], [60, 1])
  await rig.stop()
})

test.run()
