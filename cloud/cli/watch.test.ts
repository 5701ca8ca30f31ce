// The watch against a hub whose events come at the worst moments.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, settle } from '../../shared/effects.fake.ts'
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
  const ended = Promise.withResolvers<void>()
  let duringList = (): void => undefined
  const context = {
    clock,
    flags: { output },
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
      return ended.promise
    },
  }
  const show = ({ table }: Fetched): void => context.out(`${table.rows.map(String).join(',')}\n`)
  const watching = watch(context, client, fetch, show).catch((error: unknown) => error as HoldfastError)
  return {
    watching,
    open: () => handlers?.onOpen(),
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
    end: ended.resolve,
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

test('it ends with the stream, and with a list that fails; the stream is closed then', async () => {
  const world = setup()
  world.open()
  world.end()
  assert.match((await world.watching).message, /ended the watch/)
  const other = setup()
  other.open()
  await other.pass()
  other.failLists()
  other.change(['x'])
  await other.pass()
  assert.match((await other.watching).message, /no list/)
  assert.ok(other.aborted())
})

test.run()
