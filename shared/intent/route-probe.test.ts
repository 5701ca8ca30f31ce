// Both ends of a probe come to the same: the machine by either of its names, and an identifier that tells routes apart.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../address/cidr.ts'
import { routeProbe } from './route-probe.ts'

const plain = { destination: parseCidr('192.168.1.0/24') }
const mapped = { ...plain, mapTo: parseCidr('10.201.7.0/24') }

test('a machine is found by what it is called behind the router, or in the mesh; one elsewhere is none', () => {
  assert.is(routeProbe(plain), undefined)
  assert.is(routeProbe({ ...plain, probe: parseAddress('192.168.1.9') })?.target, '192.168.1.9')
  assert.equal(
    routeProbe({ ...mapped, probe: parseAddress('10.201.7.9') }),
    routeProbe({ ...mapped, probe: parseAddress('192.168.1.9') }),
  )
  assert.is(routeProbe({ ...plain, probe: parseAddress('192.168.2.9') }), undefined)
  assert.is(routeProbe({ ...plain, probe: parseAddress('fd55::9') }), undefined)
  const six = routeProbe({ destination: parseCidr('fd55::/64'), probe: parseAddress('fd55::9') })
  assert.is(six?.target, 'fd55::9')
})

test('the identifier follows from block and machine alone, is never 0, and differs', () => {
  const ids = Array.from(
    { length: 200 },
    (_, at) => routeProbe({ ...plain, probe: parseAddress(`192.168.1.${at + 1}`) })?.id,
  )
  assert.ok(ids.every((id) => id !== undefined && id > 0 && id < 65_536))
  assert.ok(new Set(ids).size >= 195, `${new Set(ids).size} of 200`)
  assert.is(ids[8], routeProbe({ ...plain, probe: parseAddress('192.168.1.9') })?.id)
  assert.is.not(ids[8], routeProbe({ ...mapped, probe: parseAddress('192.168.1.9') })?.id)
})

test.run()
