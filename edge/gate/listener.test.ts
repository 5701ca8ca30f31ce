// Names and sources, and which service they mean.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { mayCome, routeFor, type TlsRoute } from './listener.ts'

const route = (port: number, ...hostnames: readonly string[]): TlsRoute => {
  return { hostnames, from: [], to: { address: parseAddress('10.0.0.1'), port } }
}

test('a whole name goes before a wildcard, which stands for one label', () => {
  const routes = [route(1, '*.example.com'), route(2, 'a.example.com', 'example.com'), route(3, '*.b.example.com')]
  const meant = (name: string): number | undefined => routeFor(routes, name)?.to.port
  assert.equal(
    ['a.example.com', 'c.example.com', 'example.com', 'x.b.example.com', 'x.y.example.com', 'com', 'example.org'].map(
      meant,
    ),
    [2, 1, 2, 3, undefined, undefined, undefined],
  )
  assert.is(routeFor([route(1, '*.com')], 'com'), undefined)
})

test('who may come is in one of the blocks, of either family', () => {
  const from = [parseCidr('10.0.0.0/8'), parseCidr('fd00::/8')]
  assert.equal(
    ['10.9.9.9', '11.0.0.1', 'fd77::1', '2001:db8::1'].map((address) => mayCome(from, parseAddress(address))),
    [true, false, true, false],
  )
})

test.run()
