// Listeners that are carried out, and those that say why not.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { edge, gateway, inputsOf, look, nodes, tcp, tls } from './gateway-world.fake.ts'

test('listeners that are not carried out say why', () => {
  const listeners = [
    { name: 'http', protocol: 'HTTP', port: 80 },
    { name: 'https', protocol: 'HTTPS', port: 443, tls: { mode: 'Terminate' } },
    { name: 'odd', protocol: 'example.com/odd', port: 81 },
    { name: 'ends', protocol: 'TLS', port: 8443, tls: {} },
    {
      name: 'kinds',
      protocol: 'TCP',
      port: 82,
      allowedRoutes: { kinds: [{ kind: 'HTTPRoute' }, { kind: 'TCPRoute' }] },
    },
    { name: 'never', protocol: 'TCP', port: 83, allowedRoutes: { namespaces: { from: 'Friends' } } },
  ]
  const seen = look(inputsOf(edge, gateway('shop/edge', listeners)))
  assert.equal(
    seen.listeners('edge').map((one) => one[0]),
    [
      'Accepted True Accepted',
      'Accepted False UnsupportedProtocol',
      'Accepted False UnsupportedProtocol',
      'Accepted False UnsupportedValue',
      'Accepted True Accepted',
      'Accepted False UnsupportedValue',
    ],
  )
  assert.is(seen.listeners('edge')[4]?.[2], 'ResolvedRefs False InvalidRouteKinds')
  assert.is(seen.gateway('edge')[0], 'Accepted True ListenersNotValid')
  assert.match(seen.statusOf('Gateway', 'edge').listeners[1]?.conditions[0]?.message ?? '', /private key/)
})

test('listeners of one port that can’t be told apart are neither carried out', () => {
  const at = (name: string, more: object) => ({ ...tls, name, ...more })
  const listeners = [
    { name: 'a', protocol: 'TCP', port: 443 },
    at('b', { port: 443 }),
    at('c', { port: 444 }),
    at('d', { port: 444 }),
    at('e', { port: 445 }),
    at('f', { port: 445, hostname: 'x.example.com' }),
    { name: 'g', protocol: 'UDP', port: 445 },
  ]
  const conflicts = look(inputsOf(edge, gateway('shop/edge', listeners)))
    .listeners('edge')
    .map((one) => one[1])
  assert.equal(conflicts, [
    'Conflicted True ProtocolConflict',
    'Conflicted True ProtocolConflict',
    'Conflicted True HostnameConflict',
    'Conflicted True HostnameConflict',
    ...Array.from({ length: 3 }, () => 'Conflicted False NoConflicts'),
  ])
})

test('of two Gateways at the same nodes the older has the port; at others both have it', () => {
  const [first, second] = [gateway('shop/first', [tcp], nodes('site=north')), gateway('shop/second', [tcp])]
  const seen = look(inputsOf(edge, second, first))
  assert.is(seen.listeners('first')[0]?.[0], 'Accepted True Accepted')
  assert.is(seen.listeners('second')[0]?.[0], 'Accepted False PortUnavailable')
  assert.is(seen.gateway('second')[0], 'Accepted False ListenersNotValid')
  const apart = look(
    inputsOf(
      edge,
      gateway('shop/first', [tcp], nodes('site=north')),
      gateway('shop/second', [tcp], nodes('site=south')),
    ),
  )
  assert.is(apart.listeners('second')[0]?.[0], 'Accepted True Accepted')
  const nobody = look(inputsOf(edge, gateway('shop/first', [tcp], nodes('site=west'))))
  assert.is(nobody.gateway('first')[1], 'Programmed False NoResources')
})

test.run()
