// Catch-up: what an agent that missed something is told, and how much is told at once.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { memoryLog, settle } from '../../shared/effects.fake.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import { deltasKeptMax, repliesAtOnceMax, requestsPerMinuteMax } from '../../shared/limits.ts'
import { parseDelta, parseSnapshot, unframe } from '../../shared/record/delta.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import { openHead } from '../../shared/record/head.ts'
import { encodeRequest } from '../../shared/wire/sync.ts'
import { topics } from '../../shared/wire/topics.ts'
import { admin, createWorld, device, emptyPolicy, resource, signer, type World } from '../hub-world.fake.ts'
import { createAnswers } from './answers.ts'
import { mergeRevisions } from './replies.ts'

const { nodeId } = device(1)

async function enrolled(): Promise<World> {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.pass()
  return world
}

async function policies(world: World, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    world.hub.put(resource('Policy', 'p', { ...emptyPolicy, priority: i % 1_000 }), admin)
    await world.pass()
  }
}

test('the last word on each record counts when revisions are merged', () => {
  const at = { version: { epoch: 1, revision: 1 }, head: utf8('') }
  const one = utf8('1')
  const two = utf8('2')
  const merged = mergeRevisions([
    { ...at, put: new Map([['a', one]]), del: ['b'] },
    { ...at, put: new Map([['b', two]]), del: ['a'] },
    { ...at, put: new Map([['c', one]]), del: [] },
  ])
  assert.equal([...merged.put.keys()], ['b', 'c'])
  assert.equal(merged.del, ['a'])
})

test('who is current hears so, who is behind gets one delta, who is too far behind a snapshot', async () => {
  const world = await enrolled()
  const current = await world.ask(nodeId, { have: world.version(), want: 'delta' })
  assert.is(current.kind, 'current')
  const have = world.version()
  await policies(world, 3)
  const delta = await world.ask(nodeId, { have, want: 'delta' })
  assert.is(delta.kind, 'delta')
  const { head, payload } = unframe(delta.frame, 1 << 20)
  assert.equal(openHead(head, trustedKeys([signer.publicKey], sha256), verify).revision, world.version().revision)
  const steps = parseDelta(payload)
  assert.equal([steps.from, steps.to, [...steps.put.keys()]], [have, world.version(), ['policy/p']])
  await world.pass(60_000)
  await policies(world, deltasKeptMax)
  assert.is((await world.ask(nodeId, { have, want: 'delta' })).kind, 'snapshot')
})

test('another epoch, a revision from the future and a wish for it all lead to a snapshot of the whole set', async () => {
  const world = await enrolled()
  for (const request of [
    { have: { epoch: 7, revision: 1 }, want: 'delta' },
    { have: { epoch: 1, revision: 999 }, want: 'delta' },
    { have: world.version(), want: 'snapshot' },
  ] as const) {
    const { frame, kind } = await world.ask(nodeId, request)
    assert.is(kind, 'snapshot')
    const records = parseSnapshot(unframe(frame, 1 << 24).payload)
    assert.equal(
      [...records.keys()].filter((id) => !id.startsWith('key/')),
      world.records(),
    )
  }
})

test('a node that asks too often is not answered, and that is told once', async () => {
  const world = await enrolled()
  const from = world.broker.published.length
  const payload = encodeRequest({ id: 'a'.repeat(16), have: { epoch: 0, revision: 0 }, want: 'snapshot' })
  for (let i = 0; i < requestsPerMinuteMax + 50; i++) await world.say(nodeId, 'req', payload)
  const answers = world.broker.published
    .slice(from)
    .filter(({ topic }) => topic === topics.rsp(world.network(), nodeId))
  assert.ok(answers.length <= requestsPerMinuteMax, `${answers.length} answers`)
  assert.is(world.hub.audit(100).filter((row) => row.verb === 'refused').length, 1)
  assert.equal(
    world.hub.fleet().map((node) => node.health.map((condition) => condition.code)),
    [['report-rejected']],
  )
})

test('garbage, another’s topic and a stranger’s request are not answered', async () => {
  const world = await enrolled()
  const from = world.broker.published.length
  await world.say(nodeId, 'req', utf8('{'))
  await world.say(nodeId, 'req', new Uint8Array(4_096).fill(0x20))
  await world.say(
    parseNodeId('strangeraaaaaaaa'),
    'req',
    encodeRequest({ id: 'a'.repeat(16), have: { epoch: 0, revision: 0 }, want: 'snapshot' }),
  )
  world.broker.inject({ topic: 'hf/1/bad/n/x/req', payload: utf8('x') })
  await world.pass()
  assert.not.ok(world.broker.published.slice(from).some(({ topic }) => topic.endsWith('/rsp')))
})

test('only so many are answered at once, each node has one place, and a lost link empties the queue', async () => {
  const open: (() => void)[] = []
  const heard: NodeId[] = []
  const bus = {
    publish: () => new Promise<void>((resolve) => void open.push(resolve)),
  }
  const answer = (node: NodeId) => {
    heard.push(node)
    return [{ topic: 't', payload: utf8('1') }]
  }
  const answers = createAnswers(bus, { answer }, memoryLog())
  const request = { id: 'a'.repeat(16), have: { epoch: 0, revision: 0 }, want: 'snapshot' } as const
  const nodes = Array.from({ length: repliesAtOnceMax + 3 }, (_, i) => device(i).nodeId)
  for (const node of nodes) answers.ask(node, request)
  for (const node of nodes.slice(-3)) answers.ask(node, request)
  assert.equal([heard.length, answers.waiting], [repliesAtOnceMax, 3])
  open.shift()?.()
  await settle()
  assert.equal([heard.length, answers.waiting], [repliesAtOnceMax + 1, 2])
  answers.clear()
  for (const resolve of open.splice(0)) resolve()
  await settle()
  assert.equal([heard.length, answers.waiting], [repliesAtOnceMax + 1, 0])
})

test.run()
