// The pods behind a node: what is told follows the API server, at a pace that others can bear, and its silence removes nobody.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cidr, parseCidr } from '../../shared/address/cidr.ts'
import { FakeClock, type LogLine, memoryLog, seededEntropy, settle } from '../../shared/effects.fake.ts'
import { isReadyIn, type PodTable, podsIn } from '../../shared/fact/pod-table.ts'
import { parseName } from '../../shared/ids.ts'
import { createHealth } from '../report/health.ts'
import { createKeepsakes } from '../store/keepsakes.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { FakeCluster, fakePod } from './cluster.fake.ts'
import { createOwnPods } from './own-pods.ts'

const test = suite('own pods')
const BLOCK = parseCidr('10.42.1.0/24')
const NOBODY: PodTable = { words: [], namespaces: [], groups: [] }

function rig(cluster = new FakeCluster(), store = new MemoryStore(), node?: string) {
  const clock = new FakeClock()
  const lines: LogLine[] = []
  const health = createHealth({ clock })
  const self = { advertise: [BLOCK] as readonly Cidr[], changes: 0, cluster, clock, health, lines, store }
  const log = memoryLog(lines)
  const own = createOwnPods({
    doors: { source: '/kubeconfig', node, open: async () => cluster },
    clock,
    entropy: seededEntropy(7),
    log,
    health,
    keep: createKeepsakes(store, clock, health, log),
    store,
    advertise: () => self.advertise,
    onChange: () => void (self.changes += 1),
  })
  const names = (): readonly string[] => podsIn(own.table() ?? NOBODY).map(({ name }) => name)
  const toldNames = (): readonly string[] => podsIn(own.told() ?? NOBODY).map(({ name }) => name)
  return Object.assign(self, { own, names, toldNames })
}

async function reading(...given: Parameters<typeof rig>) {
  const made = rig(...given)
  made.cluster.put('namespaces', { metadata: { name: 'shop', labels: { team: 'sales' } } } as never)
  made.cluster.put('pods', fakePod('web', '10.42.1.11'), fakePod('far', '10.42.2.11'))
  made.own.start()
  await made.clock.advanceAsync(1_000)
  return made
}

test('pods whose addresses lie behind this node are told of, with the labels of their namespaces', async () => {
  const { names, own, toldNames } = await reading()
  assert.equal([names(), toldNames()], [['web'], ['web']])
  assert.equal(podsIn(own.table() ?? NOBODY)[0]?.namespaceLabels, { team: 'sales' })
  const view = own.view()
  assert.equal([view?.state, view?.pods, view?.elsewhere, (view?.heardAgoS ?? 9) <= 1], ['reading', 1, 1, true])
})

test('of a pod of two families the address is told that lies behind this node', async () => {
  const { clock, cluster, own } = await reading()
  cluster.put('pods', fakePod('both', '10.42.1.12', { status: { podIPs: [{ ip: '10.42.1.12' }, { ip: 'fd42::12' }] } }))
  await clock.advanceAsync(1_000)
  const both = podsIn(own.table() ?? NOBODY).find(({ name }) => name === 'both')
  assert.equal(both?.addresses, ['10.42.1.12'])
})

test('a cluster that is too large is said, and not asked for again and again', async () => {
  const cluster = new FakeCluster()
  const { clock, own } = rig(cluster)
  const many = Array.from({ length: 20_001 }, (_, at) =>
    fakePod(`p-${at}`, `10.${43 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`),
  )
  cluster.put('pods', ...many)
  own.start()
  await clock.advanceAsync(5_000)
  assert.match(own.view()?.failure ?? '', /more than 20000 pods.*kubernetesNode/)
  const pages = (): number => cluster.asked.filter((path) => path.startsWith('/api/v1/pods')).length
  const before = pages()
  await clock.advanceAsync(9 * 60_000)
  assert.is(pages(), before)
})

test('of a node that is named only its own pods are asked for', async () => {
  const { cluster } = await reading(undefined, undefined, 'site-a')
  const asked = cluster.asked.filter((path) => path.startsWith('/api/v1/pods'))
  assert.ok(asked.length >= 2 && asked.every((path) => path.includes('fieldSelector=spec.nodeName%3Dsite-a')))
})

test('a pod that appears is told within a fifth of a second; a roll-out of a hundred is a few words', async () => {
  const { clock, cluster, names, own, toldNames } = await reading()
  await clock.advanceAsync(60_000)
  cluster.put('pods', fakePod('db', '10.42.1.12'))
  await clock.advanceAsync(200)
  assert.equal(
    [names(), toldNames()],
    [
      ['db', 'web'],
      ['db', 'web'],
    ],
  )
  const before = [own.revision(), own.toldRevision()]
  for (let at = 0; at < 100; at++) {
    cluster.put('pods', fakePod(`roll-${at}`, `10.42.1.${100 + at}`))
    if (at > 0) cluster.remove('pods', `roll-${at - 1}`, 'shop')
    await clock.advanceAsync(200)
  }
  const words = own.toldRevision() - (before[1] ?? 0)
  assert.ok(words <= 10 && words >= 5, `${words} words in 20 s`)
  await clock.advanceAsync(5_000)
  assert.equal(toldNames(), ['db', 'roll-99', 'web'])
})

test('one that ends leaves when it is gone, or another has its address; one that is over, or is the host’s, is none', async () => {
  const { clock, cluster, names } = await reading()
  cluster.put('pods', fakePod('web', '10.42.1.11', { more: { deletionTimestamp: '2026-01-01T00:00:00Z' } }))
  await clock.advanceAsync(1_000)
  assert.equal(names(), ['web'])
  cluster.put('pods', fakePod('heir', '10.42.1.11'))
  await clock.advanceAsync(1_000)
  assert.equal(names(), ['heir'])
  cluster.put('pods', fakePod('heir', '10.42.1.11', { status: { phase: 'Succeeded' } }))
  cluster.put('pods', fakePod('daemon', '10.42.1.20', { spec: { hostNetwork: true } }))
  cluster.put('pods', fakePod('young', '', { status: { podIPs: null } }))
  await clock.advanceAsync(1_000)
  assert.equal(names(), ['web'])
})

for (const [what, away] of [
  ['that does not answer', (cluster: FakeCluster) => void (cluster.away = true)],
  [
    'that refuses',
    (cluster: FakeCluster) => void (cluster.refusal = { status: 403, body: '{"message":"pods is forbidden"}' }),
  ],
] as const) {
  test(`an API server ${what} removes nobody, and is said once`, async () => {
    const { clock, cluster, health, lines, names, own } = await reading()
    away(cluster)
    cluster.endWatches(true)
    await clock.advanceAsync(20 * 60_000)
    assert.equal(names(), ['web'])
    assert.is(own.view()?.state, 'waiting')
    assert.is(lines.filter(({ level }) => level === 'warn').length, 1)
    const [condition] = health.visible()
    assert.is(condition?.code, 'kubernetes-unread')
    // About one try a minute of each kind, in the end.
    const tries = cluster.asked.length
    await clock.advanceAsync(10 * 60_000)
    assert.ok(cluster.asked.length - tries < 80, `${cluster.asked.length - tries} tries in ten minutes`)
    Object.assign(cluster, { away: false, refusal: undefined })
    cluster.put('pods', fakePod('db', '10.42.1.12'))
    await clock.advanceAsync(61_000)
    assert.equal(names(), ['db', 'web'])
    assert.equal(health.visible(), [])
  })
}

test('a refusal for lack of rights names the rule', async () => {
  const cluster = new FakeCluster()
  cluster.refusal = { status: 403, body: '{"message":"pods is forbidden"}' }
  const { clock, own } = rig(cluster)
  own.start()
  await clock.advanceAsync(1_000)
  assert.match(own.view()?.failure ?? '', /resources \["(pods|namespaces)"\], verbs \["list", "watch"\]/)
})

test('who asks to be left alone is left alone', async () => {
  const { clock, cluster } = await reading()
  cluster.refusal = { status: 429, body: '', retryAfterS: 120 }
  cluster.endWatches()
  await clock.advanceAsync(1_500)
  const tries = cluster.asked.length
  await clock.advanceAsync(110_000)
  assert.is(cluster.asked.length, tries)
})

test('what the server has forgotten is listed anew, and nobody is missed meanwhile', async () => {
  const { clock, cluster, names } = await reading()
  cluster.endWatches(true)
  cluster.away = true
  cluster.put('pods', fakePod('db', '10.42.1.12'))
  cluster.remove('pods', 'web', 'shop')
  cluster.forget()
  await clock.advanceAsync(5_000)
  assert.equal(names(), ['web'])
  cluster.away = false
  await clock.advanceAsync(61_000)
  assert.equal(names(), ['db'])
})

test('more than a page is listed page by page; KubeEdge’s MetaServer gives all at once', async () => {
  for (const cluster of [new FakeCluster(), new FakeCluster({ meta: true })]) {
    const { clock, names, own } = rig(cluster)
    for (let at = 0; at < 600; at++)
      cluster.put('pods', fakePod(`p-${at}`, at < 200 ? `10.42.1.${at + 10}` : `10.42.3.${at % 256}`))
    cluster.put('namespaces', { metadata: { name: 'shop' } })
    own.start()
    await clock.advanceAsync(2_000)
    assert.is(names().length, 200)
    assert.is(own.view()?.elsewhere, 400)
    assert.ok(cluster.asked.some((path) => path.includes('continue=100')) || cluster.asked.length === 4)
  }
})

test('garbage in a watch breaks it off, and what can’t be read is counted; neither removes anybody', async () => {
  const { clock, cluster, names, own } = await reading()
  cluster.say('{"type": "ADDED"')
  cluster.put('pods', { ...fakePod('odd', '10.42.1.13'), status: { podIP: 'ten' } } as never)
  await clock.advanceAsync(10_000)
  assert.equal(names(), ['web'])
  assert.equal([own.view()?.state, own.view()?.unreadable], ['reading', 1])
})

test('after a start without the API server the pods that were known last are told of', async () => {
  const first = await reading()
  await first.clock.advanceAsync(1_000)
  first.own.stop()
  const cluster = new FakeCluster()
  cluster.away = true
  const { clock, names, own, toldNames } = rig(cluster, first.store)
  own.load()
  own.start()
  await clock.advanceAsync(60_000)
  assert.equal([names(), toldNames()], [['web'], ['web']])
  assert.equal([own.view()?.state, own.view()?.pods], ['waiting', 1])
  const other = rig(cluster, first.store)
  other.store.set('own-pods', '{"at":1,"source":"/kubeconfig","table":{"words":7}}')
  other.own.load()
  assert.is(other.own.table(), undefined)
})

test('the block behind this node may be another one by intent', async () => {
  const made = await reading()
  made.advertise = [parseCidr('10.42.2.0/24')]
  made.own.follow()
  await made.clock.advanceAsync(1_000)
  assert.equal(made.names(), ['far'])
})

test('who is ready is told at the same pace, policy hears nothing of it, and one that comes and goes floods nobody', async () => {
  const { clock, cluster, own, toldNames } = await reading()
  const web = { namespace: parseName('shop'), name: 'web' }
  const conditions = (status: string) => [
    { type: 'ContainersReady', status: 'True' },
    { type: 'Ready', status },
  ]
  const ready = (status: string, more: object = {}) =>
    cluster.put('pods', fakePod('web', '10.42.1.11', { more, status: { conditions: conditions(status) } }))
  const isReady = () => [isReadyIn(own.table() ?? NOBODY, web), isReadyIn(own.told() ?? NOBODY, web)]
  assert.equal(isReady(), [false, false], 'one without conditions')
  await clock.advanceAsync(60_000)
  const [revision, words] = [own.revision(), own.toldRevision()]
  ready('True')
  await clock.advanceAsync(200)
  assert.equal(isReady(), [true, true])
  for (let at = 0; at < 100; at++) {
    ready(at % 2 === 0 ? 'False' : 'True')
    await clock.advanceAsync(200)
  }
  const more = own.toldRevision() - words
  assert.ok(more >= 5 && more <= 12, `${more} words in 20 s`)
  await clock.advanceAsync(5_000)
  assert.equal(isReady(), [true, true])
  ready('True', { deletionTimestamp: '2026-01-01T00:00:00Z' })
  await clock.advanceAsync(5_000)
  assert.equal([isReady(), toldNames()], [[false, false], ['web']], 'one that ends')
  assert.is(own.revision(), revision)
})

test('5,000 pods with churn: looked through at most every second, told at most every half minute', async () => {
  const made = rig()
  made.advertise = [parseCidr('10.42.0.0/16')]
  const { clock, cluster, own } = made
  cluster.put('namespaces', { metadata: { name: 'shop' } })
  const ip = (at: number): string => `10.42.${at >> 8}.${at & 255}`
  for (let at = 0; at < 5_000; at++)
    cluster.put('pods', fakePod(`app-${at % 100}-x-${at}`, ip(at), { labels: { app: `a${at % 100}` } }))
  own.start()
  await clock.advanceAsync(5_000)
  assert.is(own.view()?.pods, 5_000)
  await clock.advanceAsync(60_000)
  const before = [own.revision(), own.toldRevision()]
  for (let at = 0; at < 60; at++) {
    cluster.put('pods', fakePod(`app-${at}-x-${at}`, ip(6_000 + at), { labels: { app: `a${at}` } }))
    await clock.advanceAsync(1_000)
  }
  assert.ok(own.revision() - (before[0] ?? 0) <= 60)
  assert.ok(own.toldRevision() - (before[1] ?? 0) <= 5, `${own.toldRevision() - (before[1] ?? 0)} words in a minute`)
  await settle()
})

test.run()
