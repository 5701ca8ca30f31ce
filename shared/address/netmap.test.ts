// One block onto another.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from './cidr.ts'
import { mapAddress } from './netmap.ts'

function mapped(address: string, from: string, to: string): string | undefined {
  return mapAddress(parseAddress(address), parseCidr(from), parseCidr(to))
}

test('each address keeps its place, and goes back to where it came from', () => {
  assert.is(mapped('192.168.1.10', '192.168.1.0/24', '10.99.7.0/24'), '10.99.7.10')
  assert.is(mapped('10.99.7.10', '10.99.7.0/24', '192.168.1.0/24'), '192.168.1.10')
  assert.is(mapped('10.42.255.255', '10.42.0.0/16', '10.142.0.0/16'), '10.142.255.255')
  assert.is(mapped('fd00::a:1', 'fd00::/96', 'fd99::/96'), 'fd99::a:1')
  assert.is(mapped('192.168.1.1', '192.168.1.1/32', '10.0.0.9/32'), '10.0.0.9')
})

test('what is not in the block is not mapped', () => {
  assert.is(mapped('192.168.2.10', '192.168.1.0/24', '10.99.7.0/24'), undefined)
  assert.is(mapped('fd00::1', '192.168.1.0/24', '10.99.7.0/24'), undefined)
})

test.run()
