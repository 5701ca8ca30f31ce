// The page and its hub when what is between them fails: told in time, nothing missed, nothing twice, no storm.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, settle } from '../../shared/effects.fake.ts'
import { createFakeStreamHub } from './hub-stream.fake.ts'
import { createLive } from './live.ts'
import { isTold, openMsMax, retryMs, silenceMsMax, steadyMsMin } from './model/link.ts'
import { link, moments, now, relisted, roster, status } from './store.ts'

const test = suite('live')
const stops: (() => void)[] = []

test.before.each(() => {
  link.value = { state: 'connecting', since: 0 }
  roster.value = undefined
  status.value = undefined
  moments.value = []
  relisted.value = 0
})
test.after.each(() => {
  for (const stop of stops.splice(0)) stop()
})

async function page() {
  const clock = new FakeClock()
  const hub = createFakeStreamHub(clock)
  const tab = { isHidden: false }
  const live = createLive({ http: hub.http, clock, fraction: () => 0.5, isHidden: () => tab.isHidden })
  stops.push(() => live.stop())
  live.start()
  await settle()
  await settle()
  /** Heartbeats come meanwhile. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 1_000) {
      if (hub.mood === 'up') hub.say(': still here\n\n')
      await clock.advanceAsync(Math.min(left, 1_000))
    }
    await settle()
  }
  const streams = (): number => hub.asked.filter((path) => path === 'stream').length
  /** Who came online, one for each time it was told. */
  const told = (): string[] =>
    moments.value.flatMap(({ subjects, times }) => [...subjects.map(({ name }) => name), `×${times}`])
  return { clock, hub, live, tab, pass, streams, told }
}

test('what is said goes on being said, without asking again', async () => {
  const { hub, pass, streams, told } = await page()
  assert.is(link.value.state, 'live')
  hub.happen('alpha')
  await pass(60_000)
  assert.equal([link.value.state, streams(), told()], ['live', 1, ['alpha', '×1']])
})

test('a line that is silent is told of within half a minute, with when it was heard last', async () => {
  const { clock, hub, pass, streams, told } = await page()
  await pass(30_000)
  const heardAt = now.value
  hub.mood = 'silent'
  // The last heartbeat was a second ago.
  await clock.advanceAsync(silenceMsMax - 1_001)
  assert.is(link.value.state, 'live')
  await clock.advanceAsync(1)
  assert.is(link.value.state, 'down')
  assert.ok(Math.abs(link.value.since - heardAt) <= 2_000, `${link.value.since} for ${heardAt}`)
  const since = link.value.since
  const before = streams()
  await clock.advanceAsync(600_000)
  assert.equal([link.value.state, link.value.since], ['down', since])
  assert.ok(streams() - before <= 600_000 / openMsMax, `${streams() - before} streams in ten minutes`)
  hub.happen('alpha')
  hub.happen('beta')
  hub.mood = 'up'
  await pass(2 * openMsMax + retryMs(20, 1))
  assert.equal([link.value.state, told().toSorted()], ['live', ['alpha', 'beta', '×2']])
})

test('a hub that restarts is back with all that happened, and each thing is told once', async () => {
  const { hub, pass, told } = await page()
  hub.happen('alpha')
  await pass(steadyMsMin)
  hub.mood = 'refusing'
  hub.restart()
  await pass(5_000)
  assert.is(link.value.state, 'down')
  hub.happen('beta')
  hub.mood = 'up'
  await pass(retryMs(20, 1))
  assert.equal([link.value.state, told()], ['live', ['beta', '×1']])
  assert.ok(relisted.value > 0)
  hub.happen('gamma')
  await pass(1_000)
  assert.equal(told(), ['gamma', '×1', 'beta', '×1'])
})

test('another hub that takes over at once counts anew: pages read again though nothing was told', async () => {
  const { hub, pass } = await page()
  await pass(steadyMsMin)
  const states: string[] = []
  const unwatch = link.subscribe(({ state }) => void states.push(state))
  hub.restart()
  await pass(2_000)
  unwatch()
  assert.equal(states, ['live'])
  assert.is(relisted.value, 1)
})

test('a stream that is cut within an event brings that event once', async () => {
  const { hub, pass, told } = await page()
  await pass(steadyMsMin)
  hub.say('id: first-1\nevent: node\ndata: {"type":"node","na')
  hub.mood = 'held'
  hub.happen('alpha')
  hub.mood = 'up'
  hub.cut()
  await pass(2_000)
  assert.equal([link.value.state, told()], ['live', ['alpha', '×1']])
})

test('a stream that is cut as soon as it is open makes no storm, and is told of', async () => {
  const { clock, hub, streams } = await page()
  const before = streams()
  const states = new Set<string>()
  const unwatch = link.subscribe(({ state }) => void states.add(state))
  for (let second = 0; second < 120; second++) {
    hub.cut()
    await clock.advanceAsync(1_000)
  }
  unwatch()
  assert.ok(streams() - before < 20, `${streams() - before} streams`)
  assert.ok(states.has('polled'), [...states].join(' '))
})

test('events that a proxy holds back: told of, and looked at without them', async () => {
  const { clock, hub, live, told } = await page()
  live.stop()
  roster.value = undefined
  hub.mood = 'held'
  hub.happen('alpha')
  live.start()
  await clock.advanceAsync(4_000)
  assert.ok(roster.value !== undefined, 'something is shown soon')
  await clock.advanceAsync(openMsMax)
  assert.equal([link.value.state, told()], ['polled', ['alpha', '×1']])
  hub.happen('beta')
  hub.asked.length = 0
  await clock.advanceAsync(60_000)
  assert.equal(told().toSorted(), ['alpha', 'beta', '×2'])
  assert.ok(hub.asked.length <= 20, `${hub.asked.length} requests in a minute`)
  hub.mood = 'refusing'
  await clock.advanceAsync(60_000)
  assert.is(link.value.state, 'down')
})

test('a page that was asleep asks at once, and does not call old things live', async () => {
  const { clock, hub, pass, streams, told } = await page()
  await pass(20_000)
  hub.mood = 'held'
  hub.happen('alpha')
  hub.mood = 'up'
  clock.setWall(clock.now() + 600_000)
  const before = streams()
  const states: string[] = []
  const unwatch = link.subscribe(({ state }) => void states.push(state))
  await clock.advanceAsync(2_000)
  unwatch()
  assert.equal(states, ['live', 'connecting', 'live'])
  assert.equal([streams() - before, told()], [1, ['alpha', '×1']])
})

test('a tab that nobody sees keeps no stream, and has everything when it is seen again', async () => {
  const { clock, hub, live, pass, streams, tab, told } = await page()
  await pass(20_000)
  tab.isHidden = true
  live.turned()
  await clock.advanceAsync(5_000)
  assert.is(hub.open(), 1)
  await clock.advanceAsync(600_000)
  assert.equal([hub.open(), streams()], [0, 1])
  hub.happen('alpha')
  tab.isHidden = false
  live.turned()
  assert.is(link.value.state, 'connecting')
  await pass(1_000)
  assert.equal([link.value.state, hub.open(), told()], ['live', 1, ['alpha', '×1']])
})

test('a network that flaps asks no more than once in two seconds', async () => {
  const { clock, hub, live, streams } = await page()
  await clock.advanceAsync(3_000)
  const before = streams()
  for (let i = 0; i < 100; i++) {
    live.retry()
    await clock.advanceAsync(50)
  }
  assert.ok(streams() - before <= 3, `${streams() - before} streams`)
  assert.equal([link.value.state, hub.open()], ['live', 1])
})

test('a crowd comes back over a second, and over seven after an outage', () => {
  assert.equal([retryMs(0, 0), Math.round(retryMs(0, 0.999))], [500, 1_000])
  assert.equal([retryMs(9, 0), Math.round(retryMs(9, 0.9999))], [7_500, 14_999])
})

test('numbers of one start of a hub are compared, and no others', () => {
  assert.ok(isTold('aa-7', 'aa-7') && isTold('aa-7', 'aa-10'))
  assert.not(isTold('aa-11', 'aa-10') || isTold('bb-1', 'aa-10') || isTold('', '') || isTold('aa-1', ''))
})

test.run()
