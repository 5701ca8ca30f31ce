// Watchers miss nothing, or are told that they did; none of them can grow without bound.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8 } from '../../shared/bytes.ts'
import { FakeClock, seededEntropy, settle } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { eventHeartbeatS, eventQueueMax, eventsKeptMax, watchersMax } from '../../shared/limits.ts'
import { createFakeHub } from '../hub.fake.ts'
import { createEventLog } from './event-log.ts'
import { eventStream } from './event-routes.ts'

function setup() {
  const hub = createFakeHub()
  const log = createEventLog(hub, seededEntropy(1), new FakeClock())
  const say = (count = 1): void => {
    for (let i = 0; i < count; i++) hub.emit({ type: 'node', name: parseName('alice'), state: 'online' })
  }
  return { log, say }
}

test('a watcher hears what comes after it, in order', async () => {
  const { log, say } = setup()
  say()
  const watcher = log.watch()
  say(2)
  const events = await watcher.next()
  assert.equal(
    events.map(({ id }) => id.split('-')[1]),
    ['2', '3'],
  )
  const waiting = watcher.next()
  say()
  assert.is((await waiting).length, 1)
})

test('a watcher that comes back goes on where it was', async () => {
  const { log, say } = setup()
  const first = log.watch()
  say(3)
  const [one] = await first.next()
  first.close()
  const again = log.watch(one?.id)
  assert.is((await again.next()).length, 2)
})

for (const [what, lastId] of [
  ['of an earlier start of the hub', 'otherone-1'],
  ['that nobody gave out', 'x'],
  ['of the future', undefined],
] as const) {
  test(`an id ${what} means: list again`, async () => {
    const { log, say } = setup()
    const probe = log.watch()
    say()
    const [event] = await probe.next()
    const id = lastId ?? `${event?.id.split('-')[0]}-999`
    assert.equal((await log.watch(id).next())[0]?.event, { type: 'reset' })
  })
}

test('an id that is too old means: list again', async () => {
  const { log, say } = setup()
  const probe = log.watch()
  say()
  const [event] = await probe.next()
  probe.close()
  say(eventsKeptMax + 1)
  assert.equal((await log.watch(event?.id).next())[0]?.event, { type: 'reset' })
})

test('a watcher that does not read is dropped, not fed', async () => {
  const { log, say } = setup()
  const slow = log.watch()
  say(eventQueueMax + 1)
  assert.is(log.watchers(), 0)
  await slow.next()
  assert.equal(await slow.next(), [])
})

test('there is room for so many watchers and no more', () => {
  const { log } = setup()
  for (let i = 0; i < watchersMax; i++) log.watch()
  assert.throws(
    () => log.watch(),
    (error: unknown) => error instanceof HoldfastError && error.code === 'exhausted',
  )
})

test('the stream opens at once, beats, tells events, and ends with the hub', async () => {
  const { log, say } = setup()
  const clock = new FakeClock()
  const reader = eventStream(log.watch(), clock, () => true).getReader()
  const next = async (): Promise<string> => fromUtf8((await reader.read()).value ?? new Uint8Array())
  assert.match(await next(), /^: watching\nid: \w+-0\n\n$/)
  const beat = next()
  await settle()
  clock.advance(eventHeartbeatS * 1_000)
  assert.match(await beat, /^: still here/)
  const event = next()
  say()
  assert.match(await event, /^id: \w+-1\nevent: node\ndata: \{.*"alice".*\}\n\n$/)
  log.close()
  assert.ok((await reader.read()).done)
})

test('a stream ends with the token that opened it', async () => {
  const { log } = setup()
  const clock = new FakeClock()
  let valid = true
  const reader = eventStream(log.watch(), clock, () => valid).getReader()
  await reader.read()
  valid = false
  clock.advance(eventHeartbeatS * 1_000)
  assert.ok((await reader.read()).done)
  assert.is(log.watchers(), 0)
})

test('who continues from the id that the stream opened with misses nothing', async () => {
  const { log, say } = setup()
  say()
  const first = log.watch()
  first.close()
  say()
  assert.equal(
    (await log.watch(first.from).next()).map(({ id }) => id.split('-')[1]),
    ['2'],
  )
})

test('a reader that goes away frees its place', async () => {
  const { log } = setup()
  const reader = eventStream(log.watch(), new FakeClock(), () => true).getReader()
  await reader.read()
  await reader.cancel()
  assert.is(log.watchers(), 0)
})

test.run()
