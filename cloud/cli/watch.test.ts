// The watch against a hub whose events come at the worst moments.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, seededEntropy, settle } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { EventHandlers } from './client.ts'
import type { Context } from './context.ts'
import { type Fetched, watch } from './watch.ts'

function setup(output = 'table') {
  const clock = new FakeClock()
  let said = ''
  let names: readonly string[] = []
  let handlers: EventHandlers | undefined
  let aborted = false
  let ended = Promise.withResolvers<void>()
  let connections = 0
  let aside = ''
  const stop = new AbortController()
  let duringList = (): void => undefined
  const context = {
    clock,
    entropy: seededEntropy(1),
    signal: stop.signal,
    flags: { output },
    err: (text: string) => {
      aside += text
    },
    out: (text: string) => {
      said += text
    },
  } as unknown as Context
  const fetch = async (): Promise<Fetched> => {
    const rows = names.map((name) => [name])
    // The answer is on its way; what happens now is not in it.
    duringList()
    await settle()
    return { items: names, table: { headings: ['name'], rows } }
  }
  const client = {
    events(given: EventHandlers, signal?: AbortSignal) {
      signal?.addEventListener('abort', () => (aborted = true))
      handlers = given
      connections += 1
      ended = Promise.withResolvers()
      return ended.promise
    },
  }
  const show = ({ table }: Fetched): void => context.out(`${table.rows.map(String).join(',')}\n`)
  const watching = watch(context, client, fetch, show).catch((error: unknown) => error as HoldfastError | undefined)
  return {
    watching,
    open: () => handlers?.onOpen(),
    setNames: (next: readonly string[]) => void (names = next),
    change(next: readonly string[]) {
      names = next
      handlers?.onEvent('put', {})
    },
    meanwhile(run: () => void) {
      duringList = () => {
        duringList = () => undefined
        run()
      }
    },
    failLists() {
      duringList = () => {
        throw new HoldfastError('unreachable', 'no list')
      }
    },
    end: (error?: HoldfastError) => (error === undefined ? ended.resolve() : ended.reject(error)),
    stop: () => stop.abort(),
    mendLists() {
      duringList = () => undefined
    },
    connections: () => connections,
    aside: () => aside,
    said: () => said,
    aborted: () => aborted,
    pass: async () => {
      await settle()
      await clock.advanceAsync(1_000)
      await settle()
    },
  }
}

test('nothing is listed before the stream is open', async () => {
  const world = setup()
  await world.pass()
  assert.is(world.said(), '')
  world.open()
  await world.pass()
  assert.is(world.said(), '\n')
})

test('a change while the list is on its way is not lost', async () => {
  const world = setup()
  world.meanwhile(() => world.change(['late']))
  world.open()
  await world.pass()
  assert.is(world.said(), '\nlate\n')
})

test('only what differs is printed, deletions by name, and a storm of events is one look', async () => {
  const world = setup()
  world.change(['a', 'b'])
  world.open()
  await world.pass()
  for (let i = 0; i < 100; i++) world.change(['b', 'c'])
  await world.pass()
  assert.is(world.said(), 'a,b\na deleted\nc\n')
  world.change(['b', 'c'])
  await world.pass()
  assert.is(world.said(), 'a,b\na deleted\nc\n')
})

test('JSON and YAML stay parseable: no words between', async () => {
  const world = setup('json')
  world.change(['a'])
  world.open()
  await world.pass()
  world.change([])
  await world.pass()
  assert.is(world.said(), 'a\n')
})

test('it outlives the stream, and then says what changed meanwhile and nothing else', async () => {
  const world = setup()
  world.change(['a'])
  world.open()
  await world.pass()
  world.end()
  await world.pass()
  assert.match(world.aside(), /ended the watch.*trying again\n$/)
  world.setNames(['a', 'b'])
  await world.pass()
  assert.is(world.connections(), 2)
  world.open()
  await world.pass()
  assert.is(world.said(), 'a\nb\n')
  assert.match(world.aside(), /the hub is back\n$/)
  world.stop()
  assert.is(await world.watching, undefined)
})

test('while the hub is away it is asked ever more rarely, and people hear of it once', async () => {
  const world = setup()
  world.open()
  await world.pass()
  for (let second = 0; second < 600; second++) {
    world.end(new HoldfastError('unreachable', 'nobody there'))
    await world.pass()
  }
  assert.ok(world.connections() > 600 / 31 && world.connections() < 60, `${world.connections()}`)
  assert.is(world.aside().match(/trying again/g)?.length, 1)
  world.stop()
  await world.watching
})

test('what waiting does not mend ends it, and so does a first try that fails; the stream is closed then', async () => {
  const world = setup()
  world.end()
  assert.match((await world.watching)?.message ?? '', /ended the watch/)
  const other = setup()
  other.open()
  await other.pass()
  other.end(new HoldfastError('unauthenticated', 'the token was revoked'))
  assert.match((await other.watching)?.message ?? '', /revoked/)
  assert.ok(other.aborted())
})

test('a list that can’t be had is asked for again with a new stream', async () => {
  const world = setup()
  world.open()
  await world.pass()
  world.failLists()
  world.change(['x'])
  await world.pass()
  world.mendLists()
  await world.pass()
  await world.pass()
  world.open()
  await world.pass()
  assert.is(world.said(), '\nx\n')
  world.stop()
  await world.watching
})

test.run()
