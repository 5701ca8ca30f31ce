// What is the internet and what is not, for every address.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, type Cidr, contains, hostCidr, overlaps, parseCidr } from '../../shared/address/cidr.ts'
import { formatIp } from '../../shared/address/ip.ts'
import { isPublic } from '../../shared/address/scope.ts'
import { internetBlocks } from './internet.ts'

const MESH = ['100.80.0.0/16', '203.0.113.0/24', 'fd5e::/64'].map((text) => parseCidr(text))
const blocks = internetBlocks(MESH)

function isInternet(address: Address): boolean {
  return blocks.some((block) => contains(block, hostCidr(address)))
}

test('each address of IPv4 is in one block, or is private, reserved or of the mesh', () => {
  const four = fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((value) => formatIp({ family: 4, value }) as Address)
  fc.assert(
    fc.property(four, (address) => {
      const isOut = isPublic(address) && Number(address.split('.')[0]) < 224
      const isMesh = MESH.some((block) => contains(block, hostCidr(address)))
      assert.is(isInternet(address), isOut && !isMesh, address)
    }),
    { numRuns: 2_000 },
  )
})

test('blocks are apart from each other, in order, and few', () => {
  for (const [i, block] of blocks.entries()) {
    for (const other of blocks.slice(i + 1)) assert.not(overlaps(block, other), `${block} ${other}`)
  }
  assert.ok(blocks.length < 80, String(blocks.length))
})

test('metadata of clouds, the own LAN and multicast are no internet; documentation and NAT64 are', () => {
  const cases: Readonly<Record<string, boolean>> = {
    '169.254.169.254': false,
    '192.168.1.1': false,
    '10.0.0.1': false,
    '224.0.0.251': false,
    '255.255.255.255': false,
    '203.0.113.9': false,
    '198.51.100.7': true,
    '8.8.8.8': true,
    'fd00:ec2::254': false,
    'fe80::1': false,
    'ff02::1': false,
    '2001:db8::1': true,
    '64:ff9b::808:808': true,
  }
  for (const [address, wanted] of Object.entries(cases)) assert.is(isInternet(address as Address), wanted, address)
})

test('a mesh that is all of a family leaves nothing of it', () => {
  assert.equal(internetBlocks(['0.0.0.0/0' as Cidr]), ['64:ff9b::/96', '2000::/3'])
})

test.run()
