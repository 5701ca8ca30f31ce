// The lists of addresses on the way of a renumbering: the same ones, from whichever step they are asked for.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../address/cidr.ts'
import { type NetworkSpec, networkSpec } from './network.ts'
import { addressLists } from './renumber-lists.ts'
import { renumberSteps } from './renumber-steps.ts'
import { parseWith } from './resource.ts'

const plain = parseWith(networkSpec, { cidr: '10.77.0.0/24', cidr6: 'fd77::/64' })
const [four, six] = [parseCidr('10.90.0.0/24'), parseCidr('fd90::/64')]
const every = ['fd90::9', '10.90.0.9', 'fd77::9', '10.77.0.9'].map((one) => parseAddress(one))

const told = (spec: NetworkSpec): readonly string[] =>
  addressLists(spec, every).map(({ addresses, at }) => `${at} ${addresses.join(' ')}`)

for (const [what, to, lists] of [
  [
    'both families',
    { cidr: four, cidr6: six },
    [
      'Before 10.77.0.9 fd77::9',
      'Prepare 10.77.0.9 fd77::9 10.90.0.9 fd90::9',
      'Switch 10.90.0.9 fd90::9 10.77.0.9 fd77::9',
      'After 10.90.0.9 fd90::9',
    ],
  ],
  [
    'IPv4 alone',
    { cidr: four },
    [
      'Before 10.77.0.9 fd77::9',
      'Prepare 10.77.0.9 fd77::9 10.90.0.9',
      'Switch 10.90.0.9 fd77::9 10.77.0.9',
      'After 10.90.0.9 fd77::9',
    ],
  ],
  [
    'IPv6 alone',
    { cidr6: six },
    [
      'Before 10.77.0.9 fd77::9',
      'Prepare 10.77.0.9 fd77::9 fd90::9',
      'Switch 10.77.0.9 fd90::9 fd77::9',
      'After 10.77.0.9 fd90::9',
    ],
  ],
] as const) {
  test(`of ${what} they are the same at each step`, () => {
    const prepared = renumberSteps.start(plain, to)
    const turned = renumberSteps.switch(prepared)
    for (const spec of [prepared, turned, renumberSteps.back(turned)]) assert.equal(told(spec), lists)
    assert.equal(told(plain), [])
  })
}

test.run()
