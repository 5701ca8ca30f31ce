// What a device says of blocks that it does not follow is found again in all that it says.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCidr } from '../address/cidr.ts'
import { heldText, refusedIn, refusedText } from './overlap.ts'

const lan = { cidr: parseCidr('192.168.1.0/24'), interface: 'eth0' }
const [same, part, wide] = ['192.168.1.0/24', '192.168.1.64/26', '192.168.0.0/16'].map(parseCidr)

test('the sentence says what is the own network, and what that would mean', () => {
  assert.ok(same !== undefined && part !== undefined && wide !== undefined)
  assert.is(
    refusedText({ kind: 'Route', name: 'plant' }, same, lan),
    'Route/plant is not followed here: 192.168.1.0/24 is the network on eth0, which it would cut this device off from',
  )
  assert.match(
    refusedText({ kind: 'Route', name: 'plant' }, part, lan),
    '192.168.1.64/26 lies in 192.168.1.0/24, the network',
  )
  assert.match(
    heldText({ kind: 'Network', name: 'default' }, wide, lan),
    '192.168.0.0/16 leads through the mesh but for',
  )
})

test('objects are found in a text of many, and those that are followed are none of them', () => {
  assert.ok(same !== undefined && wide !== undefined)
  const text = [
    refusedText({ kind: 'Network', name: 'default' }, same, lan),
    heldText({ kind: 'Route', name: 'wide' }, wide, lan),
    refusedText({ kind: 'Route', name: 'kube--pods--a' }, same, lan),
  ].join('; ')
  assert.equal(refusedIn(text), ['Network/default', 'Route/kube--pods--a'])
  for (const other of ['', 'something else', 'Route/x', 'not Route/y is not followed here'])
    assert.equal(refusedIn(other), [])
})

test.run()
