// A cluster behind its agent does what a cluster does that the hub reaches itself; and how much of one is held.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { FakeCluster } from '../kubernetes/cluster.fake.ts'
import { defineClusterConformance } from '../kubernetes/cluster-conformance.fake.ts'
import { importLabel } from '../kubernetes/imports/plan.ts'
import { clusterCallMsMax, clusterCallsMax, clusterObjectBytesMax } from './cluster-limits.ts'
import { tellingOf } from './items.ts'
import { type Down, digestOf, type Item, textHash } from './messages.ts'
import { createRemoteCluster, type RemoteCluster } from './remote-cluster.ts'
import { runCall } from './run-call.ts'

const session = 'sessionaaaaaaaaa'
const there = { kind: 'NetworkPolicy', namespace: 'shop', name: 'web' } as const

/** All of it, as one batch. */
function hearAll(remote: RemoteCluster, cluster: FakeCluster): void {
  const { heard, items } = tellingOf(cluster, true)
  const digest = digestOf(new Map([...items].map(([key, text]) => [key, textHash(text)])))
  const inputs = Object.values(remote.inputs()).flatMap((list) => (list === 'unserved' ? [] : list))
  const del = [
    ...(remote.objects() ?? []).map(({ kind, name }) => `object ${kind} ${name}`),
    ...inputs.map(({ kind, name, namespace }) => `input ${kind} ${namespace}/${name}`),
  ].filter((key) => !items.has(key))
  const whole = { heard, count: items.size, digest }
  remote.hear({ type: 'batch', session, seq: 1, put: [...items.values()], del, whole, answers: [] })
}

const cluster = new FakeCluster()
cluster.apply(there, { podSelector: {} })
cluster.apply({ kind: 'Namespace', namespace: '', name: 'shop' }, {})
const remote: RemoteCluster = createRemoteCluster({
  clock: new FakeClock(),
  async send(message: Down) {
    if (message.type !== 'call') return
    const { call, id } = message
    const answer = await runCall(cluster, call, true).then(
      (value) => (value === undefined ? { id } : { id, value }),
      (error: unknown) => ({ id, error: { code: (error as HoldfastError).code, message: String(error) } }),
    )
    remote.hear({ type: 'batch', session, seq: 1, put: [], del: [], answers: [answer] })
    hearAll(remote, cluster)
  },
})
remote.open(session)
hearAll(remote, cluster)

defineClusterConformance(test, () => ({
  cluster: remote,
  there,
  away: { ...there, name: 'away' },
  async heard(what, look) {
    const found = look()
    if (found === undefined) throw new HoldfastError('failed', `not heard: ${what}`)
    return found
  },
}))

function silent() {
  const clock = new FakeClock()
  const one = createRemoteCluster({ clock, send: async () => undefined })
  return { clock, one }
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => 'answered',
    (error: unknown) => (isHoldfastError(error) ? error.code : String(error)),
  )
}

test('an agent that does not answer is not waited for, nor asked without end', async () => {
  const { clock, one } = silent()
  assert.is(await codeOf(one.isThere(there)), 'unreachable')
  one.open(session)
  const asked = Array.from({ length: clusterCallsMax }, () => codeOf(one.isThere(there)))
  assert.is(await codeOf(one.isThere(there)), 'unreachable')
  await clock.advanceAsync(clusterCallMsMax)
  assert.equal([...new Set(await Promise.all(asked))], ['unreachable'])
  const left = codeOf(one.isThere(there))
  one.close()
  assert.is(await left, 'unreachable')
})

test('an answer that does not say is no word that something is gone', async () => {
  const { one } = silent()
  one.open(session)
  const asked = codeOf(one.isThere(there))
  one.hear({ type: 'batch', session, seq: 1, put: [], del: [], answers: [{ id: 1 }] })
  assert.is(await asked, 'invalid')
})

test('a cluster that has too much is refused before it fills the hub', () => {
  const { one } = silent()
  one.open(session)
  const put = (at: number): string[] =>
    Array.from({ length: 2_000 }, (_, index) => {
      const item: Item = {
        input: { ...there, name: `web-${at}-${index}`, uid: 'u', generation: 1, annotations: {}, labels: {} },
      }
      return JSON.stringify(item)
    })
  try {
    for (let at = 0; at < 11; at++) one.hear({ type: 'batch', session, seq: at, put: put(at), del: [], answers: [] })
    assert.unreachable()
  } catch (error) {
    assert.ok(isHoldfastError(error, 'exhausted'))
  }
  assert.is(one.objects(), undefined)
})

test('a hub labels no Nodes of a cluster that did not ask for it, and nothing else of what is not its own', async () => {
  const one = new FakeCluster()
  const node = { kind: 'Node', namespace: '', name: 'rack' } as const
  one.apply(node, {})
  one.apply(there, {})
  const labels = { 'holdfast.dev/uplink': 'online' }
  assert.is(await codeOf(runCall(one, { verb: 'labels', of: node, labels }, false)), 'forbidden')
  assert.is(await codeOf(runCall(one, { verb: 'labels', of: there, labels }, true)), 'forbidden')
  assert.is(await codeOf(runCall(one, { verb: 'labels', of: node, labels }, true)), 'answered')
  assert.is(one.labelWrites, 1)
})

test('an agent of before is not asked for a ServiceImport of a type that it does not know', async () => {
  const sent: Down[] = []
  const one = createRemoteCluster({ clock: new FakeClock(), send: async (message) => void sent.push(message) })
  const spec = { sessionAffinity: 'None', ips: [], ports: [{ protocol: 'TCP', port: 80 }] } as const
  const write = { verb: 'create', namespace: 'shop', name: 'web', network: 'default' } as const
  one.open(session)
  assert.is(await codeOf(one.putImport({ ...write, spec: { ...spec, type: 'Headless' } })), 'unsupported')
  assert.is(sent.length, 0)
  void one.putImport({ ...write, spec: { ...spec, type: 'ClusterSetIP' } }).catch(() => undefined)
  one.open(session, { importTypes: true })
  void one.putImport({ ...write, spec: { ...spec, type: 'Headless' } }).catch(() => undefined)
  assert.is(sent.length, 2)
  one.close()
})

test('an object that is too large is told of by its name, and reads as nothing', () => {
  const large = new FakeCluster()
  const from = Array.from({ length: 4_000 }, (_, at) => ({ ipBlock: { cidr: `10.${at >> 8}.${at & 255}.0/24` } }))
  large.apply(there, { podSelector: {}, ingress: [{ from }] })
  const [text = ''] = tellingOf(large, true).items.values()
  assert.ok(text.length < clusterObjectBytesMax)
  assert.is((JSON.parse(text) as Item as { input: { spec: unknown } }).input.spec, 'too large to be told')
})

test('of ServiceImports of others nothing but the name is told, and nothing at all to a hub that knows none', () => {
  const one = new FakeCluster()
  const at = { kind: 'ServiceImport', namespace: 'shop' } as const
  one.apply({ kind: 'Namespace', namespace: '', name: 'shop' }, { finalizers: ['kubernetes'] })
  one.apply({ ...at, name: 'theirs' }, { type: 'Headless', ports: [] })
  one.apply({ ...at, name: 'ours' }, { type: 'ClusterSetIP', more: 1 }, {}, { [importLabel]: 'default', a: 'b' })
  const { heard, items } = tellingOf(one, true)
  const told = [...items].map(([, text]) => JSON.parse(text) as { input: { name: string; spec: object } })
  const specs = Object.fromEntries(told.map(({ input }) => [input.name, input.spec]))
  assert.equal(specs, { shop: {}, theirs: {}, ours: { type: 'ClusterSetIP' } })
  assert.equal([heard.inputs.Namespace, heard.inputs.ServiceImport], ['listed', 'listed'])
  const before = tellingOf(one, false)
  assert.equal(
    [before.items.size, before.heard.inputs.Namespace, before.heard.inputs.ServiceImport],
    [0, undefined, undefined],
  )
  one.unserved.add('ServiceImport')
  const without = tellingOf(one, true)
  assert.equal([without.items.size, without.heard.inputs.Namespace], [0, undefined])
})

test('of services those are told that are exported, and of nodes where pods are', () => {
  const one = new FakeCluster()
  const service = (name: string) => ({ kind: 'Service', namespace: 'shop', name }) as const
  one.apply(service('web'), { ports: [] })
  one.apply(service('db'), { ports: [] })
  one.apply({ ...service('web'), kind: 'ServiceExport' }, {})
  one.apply(
    { kind: 'Node', namespace: '', name: 'n' },
    { podCIDR: '10.1.0.0/24', providerID: 'x' },
    { a: 'b', 'holdfast.dev/node': 'm' },
  )
  const told = [...tellingOf(one, true).items].map(
    ([, text]) => JSON.parse(text) as { input: { kind: string; name: string; spec: unknown; annotations: unknown } },
  )
  assert.equal(told.map(({ input }) => `${input.kind} ${input.name}`).sort(), [
    'Node n',
    'Service web',
    'ServiceExport web',
  ])
  const node = told.find(({ input }) => input.kind === 'Node')?.input
  assert.equal([node?.spec, node?.annotations], [{ podCIDR: '10.1.0.0/24' }, { 'holdfast.dev/node': 'm' }])
})

test.run()
