// Addresses: never twice, never moved, freed ones last.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { capacity, isUsable, ordinal } from '../../shared/address/usable.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { networkSpec } from '../../shared/intent/network.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { MemoryHubStore } from '../store/memory.fake.ts'
import { createAddresses } from './addresses.ts'
import { allocate, nth } from './allocate.ts'

const net = parseName('default')
const small = parseWith(networkSpec, { cidr: '10.0.0.0/29', cidr6: 'fd00::/64' })

for (const [block, address, usable] of [
  ['10.0.0.0/29', '10.0.0.0', false],
  ['10.0.0.0/29', '10.0.0.1', false],
  ['10.0.0.0/29', '10.0.0.2', true],
  ['10.0.0.0/29', '10.0.0.6', true],
  ['10.0.0.0/29', '10.0.0.7', false],
  ['10.0.0.0/29', '10.0.0.8', false],
  ['fd00::/120', 'fd00::1', false],
  ['fd00::/120', 'fd00::ff', true],
  ['fd00::/120', '10.0.0.2', false],
] as const) {
  test(`${address} ${usable ? 'may' : 'may not'} belong to a node of ${block}`, () => {
    const cidr = parseCidr(block)
    assert.is(isUsable(cidr, parseAddress(address)), usable)
    if (usable) assert.is(nth(cidr, ordinal(cidr, parseAddress(address))), address)
  })
}

test('allocation finds every usable address once, from any cursor, and then says that none is left', () => {
  fc.assert(
    fc.property(fc.integer({ min: 26, max: 29 }), fc.nat(200), (length, start) => {
      const cidr = parseCidr(`10.9.0.0/${length}`)
      const taken = new Set<Address>()
      let cursor = BigInt(start)
      for (let i = 0n; i < capacity(cidr); i++) {
        const given = allocate({ cidr, taken, cursor })
        assert.ok(isUsable(cidr, given.address) && !taken.has(given.address))
        taken.add(given.address)
        cursor = given.cursor
      }
      assert.throws(
        () => allocate({ cidr, taken, cursor }),
        (error: { code?: string; remedy?: string }) => error.code === 'exhausted' && error.remedy !== undefined,
      )
    }),
  )
})

test('both families get the same number', () => {
  const addresses = createAddresses(new MemoryHubStore())
  assert.equal(addresses.give(net, small, 'node/a', undefined), ['10.0.0.2', 'fd00::2'])
  assert.equal(addresses.give(net, small, 'node/b', [parseAddress('10.0.0.5')]), ['10.0.0.5', 'fd00::5'])
  assert.equal(addresses.give(net, small, 'node/a', undefined), ['10.0.0.2', 'fd00::2'])
})

test('a freed address is given again only after all fresh ones, also after a restart', () => {
  const store = new MemoryHubStore()
  let addresses = createAddresses(store)
  const first = (owner: string): string | undefined => addresses.give(net, small, owner, undefined)[0]
  assert.is(first('node/a'), '10.0.0.2')
  addresses.release(net, 'node/a')
  assert.is(first('node/b'), '10.0.0.3')
  addresses = createAddresses(store)
  assert.is(first('node/c'), '10.0.0.4')
  assert.is(first('node/d'), '10.0.0.5')
  assert.is(first('node/e'), '10.0.0.6')
  assert.is(first('node/f'), '10.0.0.2')
  assert.throws(
    () => first('node/g'),
    (error: unknown) => isHoldfastError(error, 'exhausted'),
  )
})

for (const [fixed, code] of [
  [['10.0.0.1'], 'invalid'],
  [['10.0.0.7'], 'invalid'],
  [['10.1.0.3'], 'invalid'],
  [['10.0.0.4', '10.0.0.5'], 'invalid'],
  [['10.0.0.2'], 'conflict'],
] as const) {
  test(`asking for ${fixed.join(' and ')} is refused as ${code}`, () => {
    const addresses = createAddresses(new MemoryHubStore())
    addresses.give(net, small, 'node/holder', undefined)
    assert.throws(
      () => addresses.give(net, small, 'node/x', fixed.map(parseAddress)),
      (error: unknown) => isHoldfastError(error, code),
    )
    assert.equal(addresses.of(net, 'node/x'), [])
  })
}

test('whatever comes and goes, nobody shares an address and nobody is moved', () => {
  const step = fc.record({ owner: fc.constantFrom('a', 'b', 'c', 'd'), keep: fc.boolean(), restart: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const store = new MemoryHubStore()
      let addresses = createAddresses(store)
      const held = new Map<string, readonly string[]>()
      for (const { owner, keep, restart } of steps) {
        if (restart) addresses = createAddresses(store)
        if (keep) {
          const given = addresses.give(net, small, owner, undefined)
          assert.equal(given, held.get(owner) ?? given)
          held.set(owner, given)
        } else {
          addresses.release(net, owner)
          held.delete(owner)
        }
        const all = [...held.values()].flat()
        assert.is(new Set(all).size, all.length)
      }
    }),
  )
})

test.run()
