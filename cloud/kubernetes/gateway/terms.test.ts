// Which nodes a Gateway is, and who may come: nothing is opened where nobody says.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { edge, gateway, inputsOf, look, nodes, route, service, tcp } from './gateway-world.fake.ts'

test('nothing is opened where nobody says which nodes, or who may come', () => {
  const one = (more: object, spec?: object) => {
    const seen = look(
      inputsOf(edge, gateway('shop/edge', [tcp], more, spec), service('shop/db'), route('TCPRoute', 'shop/db')),
    )
    assert.is(seen.specs.size, 0)
    return [seen.gateway('edge')[0], seen.statusOf('Gateway', 'edge').conditions[0]?.message]
  }
  assert.match(String(one({})), /^Accepted False Invalid,.*gateway-nodes/)
  assert.match(String(one(nodes('role=gateway,,'))), /no part of a label selector/)
  assert.match(String(one(nodes(''))), /Invalid/)
  const from = (text: string) => ({
    annotations: { 'holdfast.dev/gateway-nodes': 'role=gateway', 'holdfast.dev/gateway-from': text },
  })
  assert.match(String(one(from(' '))), /gateway-from/)
  assert.match(String(one(from('everybody'))), /gateway-from: .*everybody/)
  assert.match(
    String(one(nodes('role=gateway'), { addresses: [{ type: 'Hostname', value: 'a.example' }] })),
    /UnsupportedAddress/,
  )
  assert.match(String(one(nodes('role=gateway'), { addresses: [{ value: '300.1.1.1' }] })), /spec.addresses/)
  assert.match(
    String(one(nodes('role=gateway'), { infrastructure: { parametersRef: { name: 'x' } } })),
    /InvalidParameters/,
  )
})

test('what a Gateway says of its place is what is published', () => {
  const annotations = {
    'holdfast.dev/gateway-nodes': 'role=gateway,site in (north, west),!spare',
    'holdfast.dev/gateway-from': 'LAN, 203.0.113.0/24',
    'holdfast.dev/gateway-interfaces': 'eth1',
  }
  const own = gateway('shop/edge', [tcp], { annotations }, { addresses: [{ type: 'IPAddress', value: '192.168.1.5' }] })
  const [place] =
    look(inputsOf(edge, own, service('shop/db'), route('TCPRoute', 'shop/db'))).specs.get('kube--tcp--shop--db')
      ?.publish ?? []
  assert.equal(
    [
      place?.from,
      place?.interfaces,
      place?.addresses,
      place?.gateways.matchExpressions?.map(({ operator }) => operator),
    ],
    [['LAN', '203.0.113.0/24'], ['eth1'], ['192.168.1.5/32'], ['In', 'In', 'DoesNotExist']],
  )
})

test.run()
