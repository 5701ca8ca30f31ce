// Objects of the Gateway API come to Services that are published, and every object is told what is so.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { InputObject } from '../input.ts'
import { edge, gateway, inputsOf, look, object, options, route, service, tcp } from './gateway-world.fake.ts'
import { planGateways } from './plan.ts'
import { statusWrites } from './status.ts'

test('a TCPRoute is a Service that is published at the nodes of its Gateway', () => {
  const inputs = inputsOf(edge, gateway('shop/edge', [tcp]), service('shop/db'), route('TCPRoute', 'shop/db'))
  const seen = look(inputs, {
    published: { status: 'True', message: '' },
    places: [{ node: 'gw-1', address: '192.0.2.7' }],
  })
  const spec = seen.specs.get('kube--tcp--shop--db')
  assert.equal(spec?.ports, [{ protocol: 'TCP', port: 5432, targetPort: 'sql' }])
  assert.equal(spec?.pods, { namespace: 'shop', podSelector: { matchLabels: { app: 'db' } } })
  assert.equal(spec?.publish, [
    {
      gateways: { matchExpressions: [{ key: 'role', operator: 'In', values: ['gateway'] }] },
      protocol: 'TCP',
      port: 5432,
      servicePort: 5432,
      from: ['0.0.0.0/0', '::/0'],
    },
  ])
  assert.equal(
    seen
      .statusOf('GatewayClass', 'edge')
      .conditions.map(({ observedGeneration, reason }) => [reason, observedGeneration]),
    [['Accepted', 3]],
  )
  assert.equal(seen.gateway('edge'), ['Accepted True Accepted', 'Programmed True Programmed'])
  assert.equal(seen.statusOf('Gateway', 'edge').addresses, [{ type: 'IPAddress', value: '192.0.2.7' }])
  const [listener] = seen.statusOf('Gateway', 'edge').listeners
  assert.equal(
    [listener?.attachedRoutes, listener?.supportedKinds],
    [1, [{ group: 'gateway.networking.k8s.io', kind: 'TCPRoute' }]],
  )
  assert.equal(seen.listeners('edge'), [
    [
      'Accepted True Accepted',
      'Conflicted False NoConflicts',
      'ResolvedRefs True ResolvedRefs',
      'Programmed True Programmed',
    ],
  ])
  assert.equal(seen.route('TCPRoute', 'db'), ['Accepted True Accepted', 'ResolvedRefs True ResolvedRefs'])
  assert.equal(seen.statusOf('TCPRoute', 'db').parents[0]?.parentRef, { name: 'edge' })
})

test('what stands there already is not written again, and what others say stays', () => {
  const inputs = inputsOf(edge, gateway('shop/edge', [tcp]), service('shop/db'), route('TCPRoute', 'shop/db'))
  const plan = planGateways(inputs, options)
  const first = statusWrites(plan, () => undefined, 0)
  const theirs = { parentRef: { name: 'other' }, controllerName: 'example.com/other', conditions: [] }
  const said = first.map(({ input, status }): InputObject => {
    if (!('parents' in status)) return { ...input, status }
    // As an API server fills it in.
    const filled = (status['parents'] as readonly { readonly parentRef: object }[]).map((one) => ({
      ...one,
      parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', ...one.parentRef },
    }))
    return { ...input, status: { parents: [theirs, ...filled] } }
  })
  const rest = service('shop/db')
  assert.equal(
    statusWrites(planGateways(inputsOf(...said, rest), options), () => undefined, 60_000),
    [],
  )
  const without = said.map((one) => (one.kind === 'TCPRoute' ? { ...one, spec: { parentRefs: [], rules: [] } } : one))
  const after = statusWrites(planGateways(inputsOf(...without, rest), options), () => undefined, 60_000)
  assert.equal(after.find(({ input }) => input.kind === 'TCPRoute')?.status, { parents: [theirs] })
})

test('until the nodes say so nothing is programmed, and what the hub refused is told at the route', () => {
  const inputs = inputsOf(edge, gateway('shop/edge', [tcp]), service('shop/db'), route('TCPRoute', 'shop/db'))
  const waits = look(inputs, { published: { status: 'False', message: 'not by gw-1, gw-2' }, places: [] })
  assert.equal(waits.gateway('edge'), ['Accepted True Accepted', 'Programmed False Pending'])
  assert.match(waits.statusOf('Gateway', 'edge').conditions[1]?.message ?? '', /TCPRoute shop\/db: not by gw-1, gw-2/)
  const partly = look(inputs, { published: { status: 'Unknown', message: 'by gw-1; not by gw-2' }, places: [] })
  assert.equal(partly.gateway('edge'), ['Accepted True Accepted', 'Programmed True Programmed'])
  assert.match(partly.statusOf('Gateway', 'edge').conditions[1]?.message ?? '', /not by gw-2/)
  const refused = look(inputs, { fault: 'no address is left', places: [] })
  assert.is(refused.route('TCPRoute', 'db')[0], 'Accepted False UnsupportedValue')
})

test('a class that is another’s is let alone, and one with parameters is refused', () => {
  const theirs = object('GatewayClass', 'theirs', { controllerName: 'example.com/other' })
  const other = object('Gateway', 'shop/other', { gatewayClassName: 'theirs', listeners: [tcp] })
  const asks = route('TCPRoute', 'shop/db', { parentRefs: [{ name: 'other' }] })
  const seen = look(inputsOf(edge, theirs, other, service('shop/db'), asks))
  assert.equal([seen.specs.size, seen.gateway('other'), seen.route('TCPRoute', 'db')], [0, [], []])
  const withMore = object('GatewayClass', 'edge', {
    controllerName: 'holdfast.dev/gateway',
    parametersRef: { name: 'x' },
  })
  const refused = look(inputsOf(withMore, gateway('shop/edge', [tcp])))
  assert.is(refused.statusOf('GatewayClass', 'edge').conditions[0]?.reason, 'InvalidParameters')
  assert.is(refused.gateway('edge')[0], 'Accepted False InvalidParameters')
})

test('what asks for HTTP/2 is told that it is not carried out', () => {
  const http = { name: 'http', protocol: 'HTTP', port: 80 }
  const seen = look(inputsOf(edge, gateway('shop/edge', [http]), route('GRPCRoute', 'shop/web')))
  assert.equal([seen.specs.size, seen.route('GRPCRoute', 'web')], [0, ['Accepted False UnsupportedValue']])
  assert.match(seen.message('GRPCRoute', 'web'), /TLSRoute/)
})

test.run()
