// Pods in a fact: what is told is what is read, thousands fit, and nothing that somebody else wrote brings a reader down.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { type Address, parseAddress } from '../address/cidr.ts'
import { formatIp } from '../address/ip.ts'
import { compareText, utf8 } from '../bytes.ts'
import { parseName } from '../ids.ts'
import { podTableBytesMax } from '../pod-limits.ts'
import { encodeCanonicalText } from '../record/canonical.ts'
import { readNumbers, writeNumbers } from './number-text.ts'
import { packPods } from './pack-pods.ts'
import { isReadyIn, type KnownPod, type Namespace, type Pod, podsIn, podTable, succeedPods } from './pod-table.ts'

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789'
const four = (value: number): Address => formatIp({ family: 4, value: BigInt(value) }) as Address
const six = (value: number): Address => formatIp({ family: 6, value: (0xfdn << 120n) + BigInt(value) }) as Address

function suffix(value: number): string {
  let [rest, text] = [(value * 2_654_435_761) % 2 ** 32, '']
  for (let at = 0; at < 5; at++, rest = Math.floor(rest / LETTERS.length)) text += LETTERS[rest % LETTERS.length]
  return text
}

/** As Deployments make them. */
function cluster(pods: number, deployments: number): readonly Pod[] {
  return Array.from({ length: pods }, (_, at): Pod => {
    const app = `app-${at % deployments}`
    const team = `team-${(at % deployments) % 7}`
    const labels = { 'app.kubernetes.io/name': app, 'app.kubernetes.io/part-of': team, tier: 'web' }
    const ports = [{ name: parseName('http'), protocol: 'TCP' as const, port: 8_080 }]
    const addresses = [four(0x0a_2a_00_00 + ((at * 7_919) % 8_192))]
    return { namespace: parseName(team), name: `${app}-6d4b75cb6d-${suffix(at)}`, labels, addresses, ports }
  })
}

const bytesOf = (table: unknown): number => utf8(encodeCanonicalText(table)).length
const sorted = (pods: readonly Pod[]): readonly Pod[] =>
  pods.toSorted((a, b) => compareText(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`))
const plain = (pods: readonly Pod[]): readonly Pod[] =>
  pods.map(({ addresses, host, labels, name, namespace, ports }) => {
    const more = { ...(ports === undefined ? {} : { ports }), ...(host === undefined ? {} : { host }) }
    return { namespace, name, addresses, labels, ...more }
  })

const somePod = fc
  .record({
    namespace: fc.constantFrom('shop', 'default', 'kube-system'),
    name: fc.constantFrom('web', 'db', 'cache-0'),
    labels: fc.dictionary(fc.constantFrom('app', 'tier', 'example.org/team'), fc.constantFrom('a', 'b', ''), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    families: fc.constantFrom([4], [6], [4, 6]),
    value: fc.nat(100_000),
    called: fc.constantFrom(undefined, 'itself', 'primary'),
    ports: fc.option(fc.constant([{ name: parseName('dns'), protocol: 'UDP' as const, port: 53 }]), { nil: undefined }),
  })
  .map(({ called, families, labels, name: stem, namespace, ports, value }): Pod => {
    const addresses = families.map((family) => (family === 4 ? four(value) : six(value)))
    const name = `${stem}-${value}`
    const host = { name: parseName(called === 'itself' ? name : 'primary'), subdomain: parseName('db') }
    const more = { ...(ports && { ports }), ...(called && { host }) }
    return { namespace: parseName(namespace), name, labels, addresses, ...more }
  })
const somePods = fc.uniqueArray(somePod, { selector: ({ name, namespace }) => `${namespace}/${name}`, maxLength: 40 })

test('what is packed reads back as it was, whatever the order', () => {
  fc.assert(
    fc.property(somePods, (pods) => {
      const { leftOut, named, table } = packPods(pods, [], podTableBytesMax)
      assert.equal([leftOut, named], [0, pods.length])
      assert.equal(plain(podsIn(v.parse(podTable, table))), sorted(pods))
      assert.equal(packPods(pods.toReversed(), [], podTableBytesMax).table, table)
    }),
  )
})

test('numbers, differences below zero among them, read back', () => {
  const numbers = fc.array(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), { maxLength: 20 })
  fc.assert(fc.property(numbers, (values) => assert.equal(readNumbers(writeNumbers(values), 20), values)))
})

test('of pods that a headless service names, its name is told once, and older agents read the rest', () => {
  const pods = Array.from({ length: 200 }, (_, at): Pod => {
    const host = { name: parseName(`db-${at}`), subdomain: parseName('db') }
    const about = { namespace: parseName('shop'), labels: { app: 'db' }, addresses: [four(0x0a_2a_00_00 + at)] }
    return { ...about, name: `db-${at}`, host }
  })
  const { table } = packPods(pods, [], podTableBytesMax)
  const bare = packPods(
    pods.map(({ addresses, labels, name, namespace }) => ({ addresses, labels, name, namespace })),
    [],
    podTableBytesMax,
  ).table
  assert.ok(bytesOf(table) - bytesOf(bare) < 24, `${bytesOf(table) - bytesOf(bare)} bytes more`)
  assert.equal(podsIn(v.parse(podTable, table))[17]?.host, podsIn(table)[17]?.host)
  // Where names have no room, what they call themselves has none either.
  const short = packPods(pods, [], bytesOf(table) - 10).table
  assert.equal([short.groups[0]?.names, podsIn(short)[17]?.host], [undefined, undefined])
  const odd = { ...table, groups: table.groups.map((group) => ({ ...group, subdomain: 9_999 })) }
  assert.is(v.safeParse(podTable, odd).success, false)
})

test('labels of namespaces are told of those alone that have pods', () => {
  const shop: Namespace = { name: parseName('shop'), labels: { team: 'sales' } }
  const empty: Namespace = { name: parseName('empty'), labels: { team: 'none' } }
  const pod: Pod = { namespace: shop.name, name: 'web-0', labels: {}, addresses: [parseAddress('10.42.0.7')] }
  const { table } = packPods([pod], [shop, empty], podTableBytesMax)
  assert.equal(podsIn(table)[0]?.namespaceLabels, { team: 'sales' })
  assert.not.ok(table.words.includes('none'))
})

test('2,000 pods are told by name; of 5,000 all are told, the largest groups without', () => {
  const some = packPods(cluster(2_000, 60), [], podTableBytesMax)
  assert.equal([some.told, some.named], [2_000, 2_000])
  const pods = cluster(5_000, 150)
  const { leftOut, named, table, told } = packPods(pods, [], podTableBytesMax)
  assert.equal([told, leftOut], [5_000, 0])
  assert.ok(bytesOf(table) <= podTableBytesMax, `${bytesOf(table)} bytes`)
  assert.ok(named > 400, `${named} named`)
  const read = podsIn(v.parse(podTable, table))
  const told4 = new Map(read.map(({ addresses, labels }) => [addresses.join(), labels]))
  for (const { addresses, labels } of pods) assert.equal(told4.get(addresses.join()), labels)
  const bare = read.find(({ name }) => name.startsWith('10.42.'))
  assert.is(bare?.name, bare?.addresses[0])
})

test('what can’t be told even so is left out, and said', () => {
  const { leftOut, table, told } = packPods(cluster(5_000, 150), [], 8 << 10)
  assert.is(told + leftOut, 5_000)
  assert.ok(told > 500 && bytesOf(table) <= 8 << 10, `${told} told in ${bytesOf(table)} bytes`)
})

test('who is ready is told of each, in a few bytes, and the words about pods stay what they are', () => {
  const told = fc.tuple(somePods, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }))
  fc.assert(
    fc.property(told, ([pods, ready]) => {
      const known = pods.map((pod, at): KnownPod => ({ ...pod, ready: ready[at] === true }))
      const { table } = packPods(known, [], podTableBytesMax)
      const read = v.parse(podTable, table)
      for (const pod of known) assert.is(isReadyIn(read, pod), pod.ready)
      // What agents that know nothing of it see is the very same table.
      const { turns: _, ...rest } = table
      assert.equal(rest, packPods(pods, [], podTableBytesMax).table)
      assert.equal(plain(podsIn(read)), sorted(pods))
    }),
  )
  const many = cluster(5_000, 150)
  const weigh = (ready: (at: number) => boolean): number =>
    (
      packPods(
        many.map((pod, at) => ({ ...pod, ready: ready(at) })),
        [],
        podTableBytesMax,
      ).table.turns ?? 'x'.repeat(9)
    ).length
  assert.equal([weigh(() => true), weigh(() => false)], [0, 1])
  assert.ok(weigh((at) => at % 50 !== 0) < 500)
})

test('with every other pod of 5,000 ready the table still fits', () => {
  const pods = cluster(5_000, 150).map((pod, at): KnownPod => ({ ...pod, ready: at % 2 === 0 }))
  const { leftOut, table } = packPods(pods, [], podTableBytesMax)
  assert.is(leftOut, 0)
  assert.ok(bytesOf(table) <= podTableBytesMax)
  const read = v.parse(podTable, table)
  for (const pod of podsIn(read)) {
    const one = pods.find(({ addresses }) => addresses.join() === pod.addresses.join())
    assert.is(isReadyIn(read, pod), one?.ready)
  }
})

test('a table that says nothing of it leaves it open', () => {
  const [pod] = cluster(1, 1)
  assert.ok(pod)
  const { table } = packPods([pod], [], podTableBytesMax)
  assert.is('turns' in table, false)
  assert.is(isReadyIn(v.parse(podTable, table), pod), undefined)
  // One of whom nobody knows it leaves it open for all.
  const mixed = packPods(
    [
      { ...pod, ready: true },
      { ...pod, name: 'other', addresses: [four(7)] },
    ],
    [],
    podTableBytesMax,
  )
  assert.is('turns' in mixed.table, false)
})

test('where others are ready now, the pods are the very same list, and the table is another', () => {
  const pods = cluster(10, 2)
  const tableWith = (ready: boolean) =>
    packPods(
      pods.map((pod) => ({ ...pod, ready })),
      [],
      podTableBytesMax,
    ).table
  const [before, next] = [tableWith(true), tableWith(false)]
  const list = podsIn(before)
  const told = succeedPods(next, before)
  assert.is(told, next)
  assert.is(podsIn(told), list)
  const [first] = list
  assert.ok(first)
  assert.equal([isReadyIn(before, first), isReadyIn(told, first)], [true, false])
  assert.is(succeedPods(tableWith(false), told), told)
})

const whole = { words: ['shop', 'app', 'web'], namespaces: [{ name: 0 }] }
for (const [what, table] of [
  ['a word that is not there', { ...whole, groups: [{ namespace: 0, labels: [1, 9], v4: 'CAA' }] }],
  ['half a pair of labels', { ...whole, groups: [{ namespace: 0, labels: [1], v4: 'C' }] }],
  ['a namespace that is not there', { ...whole, groups: [{ namespace: 1 }] }],
  ['a namespace that is no name', { words: ['Über'], namespaces: [{ name: 0 }], groups: [] }],
  ['a label that is none', { words: ['a b'], namespaces: [{ name: 0 }], groups: [{ namespace: 0, labels: [0, 0] }] }],
  ['fewer names than pods', { ...whole, groups: [{ namespace: 0, v4: 'CC', names: 'a' }] }],
  ['families of different length', { ...whole, groups: [{ namespace: 0, v4: 'CC', v6: 'C' }] }],
  ['a number without end', { ...whole, groups: [{ namespace: 0, v4: 'g' }] }],
  ['an endless number', { ...whole, groups: [{ namespace: 0, v4: 'g'.repeat(10_000) }] }],
  ['an address below zero', { ...whole, groups: [{ namespace: 0, v4: 'D' }] }],
  ['an address beyond its family', { ...whole, groups: [{ namespace: 0, v4: writeNumbers([1n << 32n]) }] }],
  ['a name that is none', { ...whole, groups: [{ namespace: 0, v4: 'C', names: '-' }] }],
  ['a protocol that is none', { ...whole, groups: [{ namespace: 0, v4: 'C', ports: [2, 3, 80] }] }],
  ['port 0', { ...whole, groups: [{ namespace: 0, v4: 'C', ports: [2, 0, 0] }] }],
  ['too many pods', { ...whole, groups: [{ namespace: 0, v4: 'C'.repeat(9_000) }] }],
  ['no list', { ...whole, groups: {} }],
  [
    'readiness of a pod that is not there',
    { ...whole, groups: [{ namespace: 0, v4: 'CC' }], turns: writeNumbers([2n]) },
  ],
  ['readiness that turns back', { ...whole, groups: [{ namespace: 0, v4: 'CC' }], turns: writeNumbers([1n, 0n]) }],
  ['readiness that turns twice in a place', { ...whole, groups: [{ namespace: 0, v4: 'CC' }], turns: 'CA' }],
  ['readiness before the first', { ...whole, groups: [{ namespace: 0, v4: 'CC' }], turns: 'D' }],
] as const) {
  test(`refused: ${what}`, () => assert.is(v.safeParse(podTable, table).success, false))
}

test('fields of a newer agent are passed over', () => {
  const table = { ...whole, colour: 'red', groups: [{ namespace: 0, v4: 'UgU', zone: 3 }] }
  assert.is(v.safeParse(podTable, table).success, true)
})

test.run()
