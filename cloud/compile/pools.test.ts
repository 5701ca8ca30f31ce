// Pools: nodes of a kind get their addresses where people said, nobody else does, and what was given stays.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, blockOf, type Cidr, isWithin, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { parseName } from '../../shared/ids.ts'
import { checkConsistency } from '../../shared/intent/consistency.ts'
import { type NetworkSpec, networkSpec } from '../../shared/intent/network.ts'
import { apiVersion, parseResource, parseWith } from '../../shared/intent/resource.ts'
import { parseRecord } from '../../shared/record/record.ts'
import { MemoryHubStore } from '../store/memory.fake.ts'
import { isLow, usageOf } from './address-usage.ts'
import { createAddresses } from './addresses.ts'
import { allocate } from './allocate.ts'
import { compile } from './compile.ts'

const net = parseName('default')
const at = (site: string) => ({ matchLabels: { site } })

function networkWith(pools: readonly object[], more: object = {}): NetworkSpec {
  return parseWith(networkSpec, { cidr: '10.77.0.0/24', cidr6: 'fd77::/64', pools, ...more })
}

const spec = networkWith([
  { name: 'plant', nodes: at('plant'), cidr: '10.77.0.16/30', cidr6: 'fd77::100/126' },
  { name: 'shop', nodes: at('shop'), cidr: '10.77.0.32/28' },
  { name: 'low', nodes: at('low'), cidr: '10.77.0.0/29' },
])

test('nodes get addresses of the first pool that is theirs, all others and services of the rest, in both families', () => {
  const addresses = createAddresses(new MemoryHubStore())
  const give = (owner: string, site?: string): string =>
    addresses.give(net, spec, owner, undefined, site === undefined ? undefined : { site }).join(' ')
  assert.is(give('node/a', 'plant'), '10.77.0.16 fd77::100')
  // No block of their own in IPv6: the same number, as ever.
  assert.is(give('node/b', 'shop'), '10.77.0.32 fd77::20')
  assert.is(give('node/c', 'elsewhere'), '10.77.0.8 fd77::8')
  assert.is(give('service/d'), '10.77.0.9 fd77::9')
  // What is kept free in the network is kept free in a pool of its first addresses.
  assert.is(give('node/e', 'low'), '10.77.0.2 fd77::2')
})

test('a pool that is full says so by its block, takes from nobody, and what was given stays as labels and pools change', () => {
  const addresses = createAddresses(new MemoryHubStore())
  const give = (owner: string, of = spec, labels = { site: 'plant' }) =>
    addresses.give(net, of, owner, undefined, labels)
  const given = ['a', 'b', 'c', 'd'].map((name) => give(`node/${name}`)[0])
  assert.equal(given, ['10.77.0.16', '10.77.0.17', '10.77.0.18', '10.77.0.19'])
  assert.throws(() => give('node/e'), /all 4 addresses of 10\.77\.0\.16\/30 are taken/)
  assert.is(give('node/a', spec, { site: 'shop' })[0], '10.77.0.16')
  assert.is(give('node/a', networkWith([]))[0], '10.77.0.16')
  addresses.release(net, 'node/b')
  assert.is(give('node/e')[0], '10.77.0.17')
  // A fixed one is where people say.
  assert.is(addresses.give(net, spec, 'node/f', [parseAddress('10.77.0.200')], { site: 'shop' })[0], '10.77.0.200')
})

test('wherever it begins, the search finds each address once, none of pools of others, and ends', () => {
  const part = fc.record({ start: fc.nat(15), length: fc.constantFrom(28, 29, 30) })
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), fc.nat(300), fc.boolean(), (parts, cursor, isWhole) => {
      const cidr = parseCidr('10.9.0.0/24')
      const blocks = parts.map(({ length, start }) => parseCidr(`10.9.0.${start * 16}/${length}`))
      const within: Cidr | undefined = isWhole ? undefined : blocks[0]
      const avoid = within === undefined ? blocks : []
      const usable = Array.from({ length: 253 }, (_, i) => parseAddress(`10.9.0.${i + 2}`)).filter(
        (address) =>
          (within === undefined || isWithin(blockOf(within), address)) &&
          !avoid.some((block) => isWithin(blockOf(block), address)),
      )
      const taken = new Set<Address>()
      let next = BigInt(cursor)
      for (const _ of usable) {
        const found = allocate({ cidr, within, avoid, taken, cursor: next })
        assert.ok(usable.includes(found.address) && !taken.has(found.address))
        taken.add(found.address)
        next = found.cursor
      }
      assert.throws(() => allocate({ cidr, within, avoid, taken, cursor: next }), /are taken/)
    }),
  )
})

test('it is told how full pools and the rest are, from four fifths on', () => {
  const addresses = createAddresses(new MemoryHubStore())
  for (const name of ['a', 'b', 'c']) addresses.give(net, spec, `node/${name}`, undefined, { site: 'plant' })
  addresses.give(net, spec, 'service/x', undefined)
  const usage = addresses.usage(net, spec).filter(({ cidr }) => !cidr.includes(':'))
  assert.equal(
    usage.map(({ cidr, pool, room, taken }) => `${pool ?? '-'} ${cidr} ${taken}/${room}`),
    ['plant 10.77.0.16/30 3/4', 'shop 10.77.0.32/28 0/16', 'low 10.77.0.0/29 0/6', '- 10.77.0.0/24 1/227'],
  )
  assert.equal(usage.filter(isLow), [])
  addresses.give(net, spec, 'node/d', undefined, { site: 'plant' })
  assert.equal(
    addresses
      .usage(net, spec)
      .filter(isLow)
      .map(({ cidr }) => cidr),
    ['10.77.0.16/30', 'fd77::100/126'],
  )
  assert.equal(usageOf(spec, []).filter(isLow), [])
})

test('devices are not told of pools, so that older ones read what they are told', () => {
  const network = parseResource({ apiVersion, kind: 'Network', metadata: { name: 'default' }, spec })
  const compiled = compile(network, { addresses: [] })
  assert.ok(compiled)
  const { body } = parseRecord(compiled.bytes) as { readonly body: { readonly spec: object } }
  assert.not.ok('pools' in body.spec)
  assert.ok('cidr6' in body.spec)
})

for (const [pools, more, expected] of [
  [[{ name: 'a', nodes: {}, cidr: '10.78.0.0/28' }], {}, /10\.78\.0\.0\/28 is no part of 10\.77\.0\.0\/24/],
  [[{ name: 'a', nodes: {}, cidr: 'fd77::/100' }], {}, /no part of/],
  [[{ name: 'a', nodes: {}, cidr: '10.77.0.16/28', cidr6: 'fd77::/100' }], { cidr6: undefined }, /without cidr6/],
  [[{ name: 'a', nodes: {}, cidr: '10.77.0.16/31' }], {}, /too small/],
  [
    [
      { name: 'a', nodes: {}, cidr: '10.77.0.16/28' },
      { name: 'b', nodes: {}, cidr: '10.77.0.16/30' },
    ],
    {},
    /overlaps/,
  ],
  [
    [
      { name: 'a', nodes: {}, cidr: '10.77.0.16/28' },
      { name: 'a', nodes: {}, cidr: '10.77.0.32/28' },
    ],
    {},
    /two pools "a"/,
  ],
] as const) {
  test(`a pool is refused: ${expected.source}`, () => {
    const wrong = parseResource({
      apiVersion,
      kind: 'Network',
      metadata: { name: 'default' },
      spec: networkWith(pools, more),
    })
    const [fault] = checkConsistency([wrong])
    assert.match(String(fault?.message), expected)
    assert.match(String(fault?.field), /^Network\/default spec\.pools\[/)
  })
}

test.run()
