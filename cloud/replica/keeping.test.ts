// What a hub says while its state is on its way, and while it can't say whether it leads.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, settle } from '../../shared/effects.fake.ts'
import type { Bus, BusHandlers, BusMessage } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { encodeChunks, type ReplyKind } from '../../shared/wire/sync.ts'
import { topics } from '../../shared/wire/topics.ts'
import { NET } from '../store/conformance.fake.ts'
import { createJournal } from './journal.ts'
import { createKeeping } from './keeping.ts'
import type { Standing } from './lease.ts'

const node = parseNodeId('nodeaaaaaaaaaaaa')
const empty = new Uint8Array(0)

function reply(kind: ReplyKind): BusMessage {
  const [payload = empty] = encodeChunks(kind, 'aaaaaaaaaaaaaaaa', empty, sha256(empty))
  return { topic: topics.rsp(NET, node), payload }
}

const messages = {
  head: { topic: topics.head(NET), payload: empty, retain: true },
  delta: { topic: topics.delta(NET), payload: empty },
  presence: { topic: topics.hub(NET), payload: empty, retain: true },
  snapshot: reply('snapshot'),
  capability: reply('capability'),
  ledger: reply('ledger'),
  forgotten: { topic: topics.node(NET, node, 'fact'), payload: empty, retain: true },
} as const satisfies Readonly<Record<string, BusMessage>>

function world() {
  const clock = new FakeClock()
  const said: string[] = []
  let standing: Standing = 'leads'
  let onSettled = Promise.withResolvers<void>()
  let onLeading = Promise.withResolvers<void>()
  const mirror = {
    begin: () => undefined,
    touched: () => undefined,
    settled: () => onSettled.promise,
    look: () => onSettled.promise,
    isSettled: false,
    isOut: false,
    inspect: () => undefined,
    generation: 4,
    close: () => undefined,
  }
  const keeping = createKeeping({
    journal: createJournal(1, () => undefined),
    mirror,
    mirrored: undefined,
    standing: () => standing,
    status: () => ({ name: 'a', leader: 'a', leads: true, generation: 4, isSettled: true, transitions: 0 }),
    leading: () => onLeading.promise,
    clock,
  })
  const nameOf = (message: BusMessage): string =>
    Object.entries(messages).find(([, one]) => one === message)?.[0] ?? 'something else'
  const plain: Bus = {
    start: () => undefined,
    publish: async (message) => void said.push(nameOf(message)),
    nudge: () => undefined,
    nextTryInMs: () => undefined,
    close: async () => undefined,
  }
  const bus = keeping.bus(() => plain)({ filters: [], will: messages.presence })
  return {
    clock,
    keeping,
    said,
    be: (next: Standing) => void (standing = next),
    settle: () => onSettled.resolve(),
    lead: () => onLeading.resolve(),
    sayAll: async (): Promise<void> => {
      for (const message of Object.values(messages)) bus.publish(message).catch(() => undefined)
      await settle()
    },
    again: (): void => {
      onSettled = Promise.withResolvers()
      onLeading = Promise.withResolvers()
    },
  }
}

test('presence and answers about flows wait for nothing; all else waits for the state', async () => {
  const { lead, said, sayAll, settle: settled } = world()
  await sayAll()
  assert.equal(said, ['presence', 'ledger'])
  lead()
  settled()
  await settle()
  assert.equal(said.slice(2).sort(), ['capability', 'delta', 'forgotten', 'head', 'snapshot'])
})

test('what a broker gives to all waits for the lease as well', async () => {
  const { lead, said, sayAll, settle: settled } = world()
  settled()
  await sayAll()
  assert.equal(
    [...said].sort(),
    ['capability', 'ledger', 'presence', 'snapshot'],
    'who asks is told what the cluster has',
  )
  lead()
  await settle()
  assert.equal(said.slice(4), ['head', 'delta', 'forgotten'], 'in their order')
})

test('an outside broker is administered only by who leads, and not over a connection that is gone', async () => {
  const { keeping, lead } = world()
  const heard: string[] = []
  let handlers: BusHandlers | undefined
  const plain = { start: (given: BusHandlers) => void (handlers = given) } as Bus
  const bus = keeping.administration(() => plain)({ filters: [], will: messages.presence })
  bus.start({
    onUp: () => void heard.push('up'),
    onDown: (reason) => void heard.push(reason),
    onMessage: () => undefined,
  })
  handlers?.onUp()
  handlers?.onDown('cut off')
  handlers?.onUp()
  await settle()
  assert.equal(heard, ['cut off'])
  lead()
  await settle()
  assert.equal(heard, ['cut off', 'up'])
})

test('nothing new is taken in while it can’t be told who leads', () => {
  const { be, keeping } = world()
  keeping.admit()
  for (const standing of ['unsure', 'lost', 'follows'] as const) {
    be(standing)
    assert.throws(() => keeping.admit(), /can’t reach the API server/)
  }
})

test('one that is out says nothing at all, not even its goodbye', async () => {
  const { be, lead, said, sayAll, settle: settled } = world()
  settled()
  lead()
  be('lost')
  await sayAll()
  assert.equal(said, [])
})

test('an answer waits for the state, and not for ever', async () => {
  const { again, clock, keeping, settle: settled } = world()
  settled()
  await keeping.settled()
  again()
  const late = keeping.settled().then(() => 'settled', describeError)
  await clock.advanceAsync(8_000)
  assert.match(await late, /the cluster has not taken the change in 8 s.*look, then try again/)
})

test.run()
