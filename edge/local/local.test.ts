// Client and server of the local API, over a real unix socket.

import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { parseName } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import type { OverrideView } from '../../shared/override/report.ts'
import { fakeAgent } from '../agent.fake.ts'
import type { AgentStatus } from '../agent.ts'
import { planText } from '../cli/plan-text.ts'
import type { OverrideOrder } from '../override/book.ts'
import { closed } from '../plan/enforcement.ts'
import type { PingLine } from './api.ts'
import { orderBytesMax } from './api.ts'
import { createLocalClient, isAgentDown } from './client.ts'
import { type LocalDoors, localRoutes } from './routes.ts'
import { serveLocal } from './server.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

const peer = {
  nodeId: 'b'.repeat(16),
  name: 'far',
  addresses: ['10.90.0.2'],
  path: 'direct',
  handshakeAgeS: 5,
  rxBytes: 1,
  txBytes: 2,
  active: true,
}
const status = { node: 'near', addresses: ['10.90.0.1'], peers: [peer], health: [] } as unknown as AgentStatus

const view = {
  id: 'abcdefghijklmnop',
  state: 'active',
  policies: [],
  reason: 'line 3 is down',
  by: { uid: 0 },
  madeAt: 1,
  expiresAt: 2,
} as unknown as OverrideView
const fakeOverrides: LocalDoors['agent']['overrides'] = {
  views: () => [view],
  set: (order) => ({ override: { ...view, reason: order.reason }, warnings: [] }),
  restore(id) {
    if (id === 'abc') return view
    throw new HoldfastError('not-found', 'no such override')
  },
}

async function setUp(changes: Partial<LocalDoors> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'hf-local-'))
  const path = join(directory, 'agent.sock')
  const rtts: number[] = []
  const doors: LocalDoors = {
    agent: fakeAgent({
      status: () => status,
      plan: async () => [
        { op: 'policy-set', policy: closed({ interface: 'hf0', meshPort: 51_821 }) },
        { op: 'link-add' },
      ],
      overrides: fakeOverrides,
      exportIntent: () => Uint8Array.of(1, 2, 3),
      importIntent: (file) => file.length === 3,
      noteRtt: (_node, rttMs) => void rtts.push(rttMs),
    }),
    store: { loadJournal: (limit) => [{ at: 1, event: 'joined', detail: `limit ${limit}` }] },
    echo: { probe: async () => 1.5 },
    clock: systemClock,
    metrics: async () => '# TYPE up gauge\nup 1\n',
    stop: () => undefined,
    ...changes,
  }
  // A socket of an agent that was killed lies there.
  writeFileSync(path, '')
  const server = await serveLocal(path, localRoutes(doors), memoryLog())
  const close = async (): Promise<void> => {
    await server.close()
    rmSync(directory, { recursive: true })
  }
  return { path, client: createLocalClient(path), rtts, close }
}

async function gather(lines: AsyncIterable<PingLine>): Promise<PingLine[]> {
  const all: PingLine[] = []
  for await (const line of lines) all.push(line)
  return all
}

test('answers what the CLI asks, to the owner only', async () => {
  const stopped = Promise.withResolvers<void>()
  const { client, path, rtts, close } = await setUp({ stop: stopped.resolve })
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.equal(await client.status(false), status)
  assert.equal(rtts, [])
  await client.status(true)
  assert.equal(rtts, [1.5])
  const { ops } = await client.plan()
  assert.equal(ops, [{ op: 'policy-set', policy: { phases: [{ entries: 0 }] } }, { op: 'link-add' }])
  assert.match(planText(ops, 'hf0'), /^policy: another table \(0 entries\)\nip link add hf0/)
  assert.is(await client.metrics(), '# TYPE up gauge\nup 1\n')
  assert.equal((await client.journal(7)).entries[0]?.detail, 'limit 7')
  await client.wake()
  await client.stop()
  await stopped.promise
  await close()
})

test('a look at the status sends no word to whom no session stands with', async () => {
  const words: string[] = []
  const probe = async (address: string) => void words.push(address)
  for (const resting of [{ handshakeAgeS: 110 }, { handshakeAgeS: undefined }, { path: 'none' }]) {
    const seen = { ...status, peers: [{ ...peer, ...resting }] } as unknown as AgentStatus
    const { client, close } = await setUp({ agent: fakeAgent({ status: () => seen }), echo: { probe } })
    await client.status(true)
    await close()
  }
  assert.equal(words, [])
})

test('streams pings, to a peer by name or by address; knows who is no peer', async () => {
  const { client, rtts, close } = await setUp()
  const line = { seq: 1, node: 'far', address: '10.90.0.2', path: 'direct', rttMs: 1.5 }
  assert.equal(await gather(client.ping('far', 1)), [line])
  assert.equal(await gather(client.ping('10.90.0.2', 1)), [line])
  assert.equal(rtts, [1.5, 1.5])
  for (const [who, message] of [
    ['nobody', 'no peer is called nobody'],
    ['near', 'near is this node itself'],
  ] as const) {
    const error = await gather(client.ping(who, 1)).catch((reason: unknown) => reason)
    assert.ok(isHoldfastError(error, 'not-found'))
    assert.is(error.message, message)
  }
  await close()
})

test('a lost ping is told as lost, a failure in the middle as what it is', async () => {
  const lost = await setUp({ echo: { probe: async () => undefined } })
  assert.equal(await gather(lost.client.ping('far', 1)), [
    { seq: 1, node: 'far', address: '10.90.0.2', path: 'direct' },
  ])
  await lost.close()
  const broken = await setUp({ echo: { probe: () => Promise.reject(new HoldfastError('unreachable', 'no address')) } })
  assert.equal(await gather(broken.client.ping('far', 1)), [{ error: { code: 'unreachable', message: 'no address' } }])
  await broken.close()
})

test('a peer that missed a step of a renumbering answers at the address that it knows; who names one asks that one', async () => {
  const both = { ...peer, addresses: ['10.77.0.2', '10.90.0.2'] }
  const seen = { ...status, peers: [both] } as unknown as AgentStatus
  const probe = async (address: string) => (address === '10.90.0.2' ? 2 : undefined)
  const { client, close } = await setUp({ agent: fakeAgent({ status: () => seen }), echo: { probe } })
  const line = { seq: 1, node: 'far', path: 'direct' }
  assert.equal(await gather(client.ping('far', 1)), [{ ...line, address: '10.90.0.2', rttMs: 2 }])
  assert.equal(await gather(client.ping('10.77.0.2', 1)), [{ ...line, address: '10.77.0.2' }])
  await close()
})

const order: OverrideOrder = {
  policies: [
    { name: parseName('open'), spec: parseWith(specs.Policy, { subject: { nodeSelector: {} }, ingress: [{}] }) },
  ],
  durationMs: 60_000,
  reason: 'why not',
  by: { uid: 0, login: 'anna' },
}

test('overrides are listed, set and ended', async () => {
  const { client, close } = await setUp()
  assert.equal(await client.overrides(), { overrides: [view] })
  assert.is((await client.override(order)).override.reason, 'why not')
  assert.equal(await client.restore({ id: 'abc', by: { uid: 0 } }), { overrides: [view] })
  const missing = await client.restore({ by: { uid: 0 } }).catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(missing, 'not-found'))
  await close()
})

test('an order that is none is refused with its field; one that is too large unread', async () => {
  const { client, close } = await setUp()
  const refused = async (change: object): Promise<HoldfastError> => {
    const error = await client.override({ ...order, ...change }).catch((reason: unknown) => reason)
    if (!(error instanceof HoldfastError)) throw new HoldfastError('failed', 'it was taken')
    return error
  }
  assert.is((await refused({ durationMs: 8 * 86_400_000 })).field, 'durationMs')
  assert.is((await refused({ reason: ' ' })).field, 'reason')
  assert.is((await refused({ reason: 'two\nlines' })).field, 'reason')
  assert.is((await refused({ network: 'default' })).field, 'network')
  assert.is((await refused({ policies: [{ name: 'x', spec: { subject: {}, cidr: '10.0.0.0/8' } }] })).code, 'invalid')
  assert.is((await refused({ policies: [...order.policies, ...order.policies] })).field, 'policies')
  assert.is((await refused({ reason: 'x'.repeat(orderBytesMax) })).code, 'too-large')
  await close()
})

test('who was let in to look may look and not order', async () => {
  const { client, path, close } = await setUp()
  chmodSync(path, 0o666)
  assert.equal(await client.status(false), status)
  for (const call of [client.override(order), client.restore({ by: { uid: 0 } })]) {
    assert.ok(isHoldfastError(await call.catch((reason: unknown) => reason), 'forbidden'))
  }
  await close()
})

test('bad requests are refused with a reason', async () => {
  const { client, path, close } = await setUp()
  for (const call of [client.journal(0), client.journal(1e9)]) {
    assert.ok(isHoldfastError(await call.catch((reason: unknown) => reason), 'invalid'))
  }
  const statusOf = (method: string, where: string) =>
    new Promise((resolve) =>
      request({ socketPath: path, method, path: where }, (response) => resolve(response.resume().statusCode)).end(),
    )
  assert.is(await statusOf('GET', '/v1/nothing'), 404)
  assert.is(await statusOf('POST', '/v1/status'), 405)
  await close()
})

test('retry and confirm say when there is nothing to decide', async () => {
  const nothing = await setUp()
  for (const call of [nothing.client.retry(), nothing.client.confirm()]) {
    assert.ok(isHoldfastError(await call.catch((reason: unknown) => reason), 'conflict'))
  }
  await nothing.close()
  const something = await setUp({ agent: fakeAgent({ status: () => status, retry: () => true, confirm: () => true }) })
  await something.client.retry()
  await something.client.confirm()
  await something.close()
})

test('an agent that is not running is told apart from one that fails', async () => {
  const error = await createLocalClient('/nonexistent/agent.sock')
    .status(false)
    .catch((reason: unknown) => reason)
  assert.ok(isAgentDown(error))
  const failing = await setUp({ agent: { plan: () => Promise.reject(new Error('boom')) } as never })
  const boom = await failing.client.plan().catch((reason: unknown) => reason)
  assert.not(isAgentDown(boom))
  assert.ok(isHoldfastError(boom, 'failed'))
  await failing.close()
})

test.run()
