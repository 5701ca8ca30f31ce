// What a device publishes, as people see it: every address of every service, and for whom.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { formatEndpoint } from '../../shared/address/endpoint.ts'
import { parseName } from '../../shared/ids.ts'
import { publishedRows } from './published-rows.ts'

test('services that are published have a line for each address, the others none', () => {
  const from = [parseCidr('192.168.7.0/24'), parseCidr('10.0.0.0/8')]
  const at = ['192.168.7.5', 'fd00::5'].map((address) => formatEndpoint(parseAddress(address), 8_000))
  const published = at.map((one) => ({ at: one, protocol: 'TCP' as const, interface: 'eth0', from }))
  const service = { addresses: [], inUse: false, backends: [] }
  const services = [
    { ...service, name: parseName('inner') },
    { ...service, name: parseName('shop'), published },
  ]
  assert.equal(publishedRows({ services }), [
    ['shop', 'TCP 192.168.7.5:8000', 'eth0', '-', '192.168.7.0/24 10.0.0.0/8'],
    ['shop', 'TCP [fd00::5]:8000', 'eth0', '-', '192.168.7.0/24 10.0.0.0/8'],
  ])
  const paths = [
    { type: 'Prefix' as const, value: '/a' },
    { type: 'Exact' as const, value: '/b', method: 'PUT' as const },
  ]
  const asked = { protocol: 'HTTP' as const, hostnames: ['a.b'], paths, answer: 503, weight: 9 }
  const led = [{ ...service, name: parseName('led'), published: published.map((one) => ({ ...one, ...asked })) }]
  assert.is(publishedRows({ services: led })[0]?.[3], 'a.b /a PUT =/b answers 503 weight 9')
  assert.equal(publishedRows({}), [])
})

test.run()
