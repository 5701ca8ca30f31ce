// A member's relay follows its record, whatever happens while it opens.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog, settle } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { OpenedRelay } from './open-relay.ts'
import { createOwnRelay } from './own-relay.ts'

function rig() {
  const events: string[] = []
  const waiting: { readonly port: number; readonly done: PromiseWithResolvers<OpenedRelay> }[] = []
  let trouble: string | undefined
  let sweeps = 0
  const relay = createOwnRelay({
    log: memoryLog(),
    open: (port) => {
      events.push(`open ${port}`)
      const done = Promise.withResolvers<OpenedRelay>()
      waiting.push({ port, done })
      return done.promise
    },
    onTrouble: (why) => void (trouble = why),
  })
  const opens = async (): Promise<void> => {
    const next = waiting.shift()
    if (next === undefined) throw new TypeError('nothing opens')
    const { port } = next
    const metrics = (): never => ({ port }) as never
    // Of a relay nothing else matters here.
    const close = (): void => void events.push(`close ${port}`)
    next.done.resolve({ port, metrics, close, sweep: () => void (sweeps += 1) } as unknown as OpenedRelay)
    await settle()
  }
  const fails = async (): Promise<void> => {
    waiting.shift()?.done.reject(new HoldfastError('conflict', 'the port is taken'))
    await settle()
  }
  return { events, fails, opens, relay, sweeps: () => sweeps, trouble: () => trouble }
}

test('opens once, at the port of the record, and closes with it', async () => {
  const { events, opens, relay } = rig()
  relay.follow(undefined)
  assert.is(relay.metrics(), undefined)
  for (let turn = 0; turn < 3; turn++) relay.follow(3_478)
  await opens()
  for (let turn = 0; turn < 3; turn++) relay.follow(3_478)
  assert.equal(relay.metrics(), { port: 3_478 })
  relay.follow(undefined)
  assert.equal(events, ['open 3478', 'close 3478'])
  assert.is(relay.metrics(), undefined)
})

test('each turn ends what newer intent forbids', async () => {
  const { opens, relay, sweeps } = rig()
  relay.follow(1)
  assert.is(sweeps(), 0)
  await opens()
  relay.follow(1)
  relay.follow(1)
  assert.is(sweeps(), 2)
})

test('another port: the old one closes first', async () => {
  const { events, opens, relay } = rig()
  relay.follow(1)
  await opens()
  relay.follow(2)
  await opens()
  assert.equal(events, ['open 1', 'close 1', 'open 2'])
})

test('what is no longer wanted when it has opened is closed again', async () => {
  for (const then of [undefined, 2]) {
    const { events, opens, relay } = rig()
    relay.follow(1)
    relay.follow(then)
    await opens()
    assert.equal(events, ['open 1', 'close 1'])
    assert.is(relay.metrics(), undefined)
    relay.follow(then)
    assert.equal(events.slice(2), then === undefined ? [] : ['open 2'])
  }
})

test('a failure is told, tried again at the next turn, and forgotten once it opens', async () => {
  const { events, fails, opens, relay, trouble } = rig()
  relay.follow(1)
  await fails()
  assert.match(trouble() ?? '', 'the port is taken')
  relay.follow(1)
  await opens()
  assert.equal(events, ['open 1', 'open 1'])
  assert.is(trouble(), undefined)
})

test('a failure of what nobody wants any more is no trouble', async () => {
  const { fails, relay, trouble } = rig()
  relay.follow(1)
  relay.follow(undefined)
  await fails()
  assert.is(trouble(), undefined)
})

test('closed while it opens, it does not stay open', async () => {
  const { events, opens, relay } = rig()
  relay.follow(1)
  relay.close()
  await opens()
  assert.equal(events, ['open 1', 'close 1'])
})

test.run()
