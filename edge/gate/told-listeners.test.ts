// Whatever intent may say of requests reaches the child that leads them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { publications } from '../../shared/intent/publish.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import type { GateListener } from './listener.ts'
import { parseListeners } from './told-listeners.ts'

const from = [parseCidr('192.168.7.0/24')]
const to = { address: parseAddress('10.77.0.201'), port: 80 }
const at = { address: parseAddress('192.168.7.5'), port: 443 }

test('each field of what is published by HTTP is understood, and by TLS', () => {
  const said = {
    gateways: {},
    protocol: 'HTTP',
    port: 80,
    from: ['LAN'],
    hostnames: ['a.example.com'],
    order: 'a',
    weight: 90,
    requestHeaders: { remove: ['cookie'], set: [{ name: 'x-env', value: 'dev' }] },
    responseHeaders: { add: [{ name: 'x-env', value: 'dev' }] },
    paths: [
      { value: '/a' },
      {
        type: 'Exact',
        value: '/b',
        method: 'POST',
        headers: [{ name: 'x-env', value: 'dev' }],
        queryParams: [{ name: 'Page', value: '2 3' }],
      },
    ],
  }
  const [publication] = parseWith(publications, [said]) ?? []
  assert.ok(publication !== undefined)
  const { gateways: _, from: __, port: ___, protocol: ____, ...asked } = publication
  const listeners = [
    {
      ...at,
      protocol: 'HTTP',
      routes: [
        { ...asked, from, to },
        { from, to, redirect: { status: 308, scheme: 'https' } },
        { from, to, answer: 503 },
      ],
    },
    { ...at, protocol: 'TLS', routes: [{ hostnames: ['*.b'], from, to }] },
  ] as readonly GateListener[]
  assert.equal(parseListeners(JSON.stringify(listeners)), listeners)
})

test('what an agent of another build might say is refused, and nothing of it is led', () => {
  const route = { from, to }
  for (const bad of [
    { ...at, protocol: 'HTTP', routes: [{ ...route, unheard: true }] },
    { ...at, protocol: 'HTTP', routes: [{ ...route, answer: 200 }] },
    { ...at, protocol: 'HTTP', routes: [{ ...route, weight: 0 }] },
    { ...at, protocol: 'HTTP', routes: [{ ...route, requestHeaders: { remove: ['host'] } }] },
    { ...at, protocol: 'HTTP', routes: [{ ...route, paths: [{ value: 'a' }] }] },
    { ...at, protocol: 'UDP', routes: [] },
  ])
    assert.throws(() => parseListeners(JSON.stringify([bad])))
  assert.throws(() => parseListeners('{'))
})

test.run()
