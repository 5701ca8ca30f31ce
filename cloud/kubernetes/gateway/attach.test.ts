// Which routes a listener has: by names, by who was first, by who may attach.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { InputKind } from '../input.ts'
import { edge, gateway, inputsOf, look, object, route, service, tcp, tls } from './gateway-world.fake.ts'

test('a TLSRoute has the names that it shares with its listener', () => {
  const backend = service('shop/db', { ports: [{ port: 5432, nodePort: 30_001 }] })
  const ask = (hostnames: readonly string[], listener: object = tls) =>
    look(inputsOf(edge, gateway('shop/edge', [listener]), backend, route('TLSRoute', 'shop/db', { hostnames })))
  const met = ask(['shop.example.com', 'else.where', '*.shop.example.com'])
  const spec = met.specs.get('kube--tls--shop--db')
  assert.equal(spec?.publish?.[0]?.hostnames, ['shop.example.com', '*.shop.example.com'])
  assert.equal([spec?.pods, spec?.ports[0]?.targetPort], [undefined, 30_001])
  assert.match(met.message('TLSRoute', 'db'), /one label/)
  const none = ask(['example.com', 'shop.example.org'])
  assert.equal([none.specs.size, none.route('TLSRoute', 'db')[0]], [0, 'Accepted False NoMatchingListenerHostname'])
  assert.equal(ask([]).specs.get('kube--tls--shop--db')?.publish?.[0]?.hostnames, ['*.example.com'])
  const { hostname: _, ...open } = tls
  assert.is(ask([], open).route('TLSRoute', 'db')[0], 'Accepted False UnsupportedValue')
  const many = Array.from({ length: 20 }, (__, index) => `h${index}.example.com`)
  assert.equal(
    ask(many)
      .specs.get('kube--tls--shop--db')
      ?.publish?.map(({ hostnames = [] }) => hostnames.length),
    [16, 4],
  )
})

test('of two routes that want the same the older has it', () => {
  const both = [route('TCPRoute', 'shop/first'), route('TCPRoute', 'shop/second')]
  const seen = look(inputsOf(edge, gateway('shop/edge', [tcp]), service('shop/db'), ...both.toReversed()))
  assert.equal([...seen.specs.keys()], ['kube--tcp--shop--first'])
  assert.is(seen.route('TCPRoute', 'second')[0], 'Accepted False PortUnavailable')
  assert.match(seen.message('TCPRoute', 'second'), /TCPRoute shop\/first/)
  const hosts = [['a.example.com'], ['a.example.com', 'b.example.com'], ['b.example.com']]
  const named = hosts.map((hostnames, index) => route('TLSRoute', `shop/n${index}`, { hostnames }))
  const byName = look(inputsOf(edge, gateway('shop/edge', [tls]), service('shop/db'), ...named))
  assert.equal([...byName.specs.keys()], ['kube--tls--shop--n0', 'kube--tls--shop--n2'])
  assert.is(byName.route('TLSRoute', 'n1')[0], 'Accepted False HostnameConflict')
})

test('listeners say who may attach', () => {
  const ask = (allowedRoutes: object, spec: object = {}, kind: InputKind = 'TCPRoute') => {
    const parentRefs = [{ name: 'edge', namespace: 'infra', ...spec }]
    const namespace = object('Namespace', 'shop', {}, { labels: { team: 'a' } })
    const own = gateway('infra/edge', [{ ...tcp, allowedRoutes }])
    return look(inputsOf(edge, namespace, own, service('shop/db'), route(kind, 'shop/db', { parentRefs }))).route(
      kind,
      'db',
    )[0]
  }
  assert.is(ask({}), 'Accepted False NotAllowedByListeners')
  assert.is(ask({ namespaces: { from: 'None' } }), 'Accepted False NotAllowedByListeners')
  assert.is(ask({ namespaces: { from: 'All' } }), 'Accepted True Accepted')
  assert.is(
    ask({ namespaces: { from: 'Selector', selector: { matchLabels: { team: 'a' } } } }),
    'Accepted True Accepted',
  )
  assert.is(
    ask({ namespaces: { from: 'Selector', selector: { matchLabels: { team: 'b' } } } }),
    'Accepted False NotAllowedByListeners',
  )
  assert.is(ask({ namespaces: { from: 'All' } }, {}, 'UDPRoute'), 'Accepted False NotAllowedByListeners')
  assert.is(ask({ namespaces: { from: 'All' } }, { sectionName: 'other' }), 'Accepted False NoMatchingParent')
  assert.is(ask({ namespaces: { from: 'All' } }, { port: 5432, sectionName: 'sql' }), 'Accepted True Accepted')
})

test.run()
