// Which blocks and addresses a network and its nodes go by while it is renumbered.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address, Cidr } from './cidr.ts'
import { askedAt, mainAddresses, meshBlocks, sourceFor } from './mesh-blocks.ts'

const as = (...list: string[]): readonly Address[] => list as Address[]
const spec = { cidr: '10.77.0.0/24' as Cidr, cidr6: 'fd77::/64' as Cidr }
const renumber = { cidr: '10.90.0.0/24' as Cidr, cidr6: 'fd90::/64' as Cidr }
const own = as('10.77.0.2', 'fd77::2', '10.90.0.2', 'fd90::2')

test('the blocks of a network are in the order of the addresses of a node', () => {
  assert.equal(meshBlocks({ cidr: spec.cidr }), [spec.cidr])
  assert.equal(meshBlocks(spec), [spec.cidr, spec.cidr6])
  assert.equal(meshBlocks({ ...spec, renumber }), [spec.cidr, spec.cidr6, renumber.cidr, renumber.cidr6])
  assert.equal(meshBlocks({ ...spec, renumber: { cidr6: renumber.cidr6 } }), [spec.cidr, spec.cidr6, renumber.cidr6])
})

test('a node goes by the first of its addresses of each family', () => {
  assert.equal(mainAddresses(own), as('10.77.0.2', 'fd77::2'))
  const usual = as('10.77.0.2', 'fd77::2')
  assert.is(mainAddresses(usual), usual)
  assert.equal(mainAddresses(as('10.77.0.2', '10.90.0.2')), as('10.77.0.2'))
})

test('a node is asked at the address that it goes by, and at the other one of that family', () => {
  assert.equal(askedAt(own), as('10.77.0.2', '10.90.0.2'))
  assert.equal(askedAt(as('10.77.0.2', 'fd77::2')), as('10.77.0.2'))
  assert.equal(askedAt(as('fd77::2', 'fd90::2')), as('fd77::2', 'fd90::2'))
  assert.equal(askedAt(as('10.77.0.2', 'fd77::2', 'fd90::2')), as('10.77.0.2'))
  assert.equal(askedAt([]), [])
})

test('whoever is asked in a block is asked from that block, and all else from the main address', () => {
  assert.is(sourceFor(own, spec.cidr), '10.77.0.2')
  assert.is(sourceFor(own, renumber.cidr), '10.90.0.2')
  assert.is(sourceFor(own, renumber.cidr6), 'fd90::2')
  assert.is(sourceFor(own, '192.168.7.0/24' as Cidr), '10.77.0.2')
  assert.is(sourceFor(as('10.77.0.2'), renumber.cidr6), undefined)
})

test.run()
