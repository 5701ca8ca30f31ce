// Which service a request means: in the order of the Gateway API, and never by a guess.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { HttpMatch } from '../../shared/intent/http-match.ts'
import { comparablePath, httpRoutesFor, pickByWeight, readAsked } from './http-match.ts'
import type { HttpRoute } from './listener.ts'

const prefix = (value: string): HttpMatch => ({ type: 'Prefix', value })
const exact = (value: string): HttpMatch => ({ type: 'Exact', value })
const route = (port: number, more: Pick<HttpRoute, 'hostnames' | 'paths'>): HttpRoute => {
  return { ...more, from: [], to: { address: parseAddress('10.0.0.1'), port } }
}
const asks = (host: string, target: string, method = 'GET', rawHeaders: readonly string[] = []) => {
  const asked = readAsked(target, host)
  assert.ok(asked !== undefined)
  return { ...asked, method, rawHeaders }
}

test('the whole host goes before the longest wildcard, the whole path before the longest prefix, and the first before others', () => {
  const routes = [
    route(1, {}),
    route(2, { hostnames: ['*.example.com'] }),
    route(3, { hostnames: ['*.b.example.com'], paths: [prefix('/')] }),
    route(4, { hostnames: ['a.b.example.com'], paths: [prefix('/shop')] }),
    route(5, { hostnames: ['a.b.example.com'], paths: [prefix('/shop/cart/'), exact('/shop')] }),
    route(6, { hostnames: ['a.b.example.com'], paths: [prefix('/shop')] }),
  ]
  const meant = (host: string, path = '/'): number | undefined => httpRoutesFor(routes, asks(host, path))[0]?.to.port
  assert.equal(
    ['example.com', 'x.example.com', 'x.y.example.com', 'x.b.example.com', 'x.y.b.example.com', '[::1]'].map((host) =>
      meant(host),
    ),
    [1, 2, 2, 3, 3, 1],
  )
  const own = ['/shop', '/shop/', '/shop/x', '/shop/cart', '/shop/cart/1', '/shop/cartoon', '/shopping', '/']
  assert.equal(
    own.map((path) => meant('a.b.example.com', path)),
    [5, 4, 4, 5, 5, 4, 3, 3],
  )
  assert.is(httpRoutesFor([route(1, { hostnames: ['a.b'] })], asks('b', '/')).length, 0)
  assert.is(httpRoutesFor([route(1, { paths: [exact('/a')] })], asks('b', '/a/')).length, 0)
})

test('of one host and path the method goes first, then most headers, then most of the query', () => {
  const [env, canary] = [
    { name: 'x-env', value: 'dev' },
    { name: 'x-canary', value: 'yes' },
  ]
  const page = { name: 'page', value: 'a b' }
  const routes = [
    route(1, { paths: [prefix('/a')] }),
    route(2, { paths: [{ ...prefix('/a'), queryParams: [page] }] }),
    route(3, { paths: [{ ...prefix('/a'), headers: [env] }] }),
    route(4, { paths: [{ ...prefix('/a'), headers: [canary, env], queryParams: [page] }] }),
    route(5, { paths: [{ ...prefix('/a'), method: 'POST' }] }),
    route(6, { paths: [prefix('/a/b')] }),
    route(7, { paths: [{ ...exact('/x'), headers: [env] }] }),
  ]
  const meant = (...asked: Parameters<typeof asks>) => httpRoutesFor(routes, asks(...asked))[0]?.to.port
  assert.equal(
    [
      meant('h', '/a'),
      meant('h', '/a?page=a+b'),
      meant('h', '/a?x=1&page=a%20b&page=c'),
      meant('h', '/a?page=c&page=a+b'),
      meant('h', '/a?Page=a+b'),
    ],
    [1, 2, 2, 1, 1],
  )
  const dev = ['X-ENV', 'dev']
  assert.equal(
    [
      meant('h', '/a?page=a+b', 'GET', dev),
      meant('h', '/a?page=a+b', 'GET', ['x-canary', 'yes', ...dev]),
      meant('h', '/a', 'GET', ['x-canary', 'yes', ...dev]),
      meant('h', '/a', 'GET', ['x-env', 'Dev']),
      // What stands twice is neither of both.
      meant('h', '/a', 'GET', [...dev, ...dev]),
      meant('h', '/a', 'POST', dev),
      meant('h', '/a/b', 'POST', dev),
      meant('h', '/x'),
      meant('h', '/x', 'GET', dev),
    ],
    [3, 4, 3, 1, 1, 5, 6, undefined, 7],
  )
  const ordered = (port: number, order: string, name: string): HttpRoute => ({
    ...route(port, { paths: [{ ...prefix('/'), headers: [{ name, value: 'yes' }] }] }),
    order,
  })
  const [old, young] = [ordered(1, '2026-01 a/z 02', 'x-old'), ordered(2, '2026-01 a/z 10', 'x-young')]
  for (const two of [
    [old, young],
    [young, old],
  ])
    assert.is(httpRoutesFor(two, asks('h', '/', 'GET', ['x-old', 'yes', 'x-young', 'yes']))[0]?.to.port, 1)
  const twice = { name: 'x-env', value: 'dev, prod' }
  const both = route(1, { paths: [{ ...prefix('/'), headers: [twice] }] })
  assert.is(httpRoutesFor([both], asks('h', '/', 'GET', [...dev, 'x-env', 'prod']))[0]?.to.port, 1)
})

test('those that are named alike and say a weight share what is asked, and nobody else has a part of it', () => {
  const weighted = (port: number, weight: number, more: Partial<HttpRoute> = {}): HttpRoute => {
    return { ...route(port, { paths: [prefix('/a')] }), weight, ...more }
  }
  const sharing = (...routes: readonly HttpRoute[]) => httpRoutesFor(routes, asks('h', '/a/b')).map(({ to }) => to.port)
  assert.equal(sharing(weighted(1, 1), weighted(2, 9), route(3, {})), [1, 2])
  assert.equal(sharing(weighted(1, 1, { order: 'b' }), weighted(2, 1, { order: 'a' })), [2])
  assert.equal(sharing(weighted(1, 1, { hostnames: ['h'] }), weighted(2, 1)), [1])
  // Who says none has all of it, if it goes first, and none of it else.
  const plain = route(3, { paths: [prefix('/a')] })
  assert.equal(sharing(plain, weighted(1, 1)), [3])
  assert.equal(sharing(weighted(1, 1), plain, weighted(2, 1)), [1, 2])
})

test('of many requests each has as many as its weight says', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(weights, (list) => {
      const routes = list.map((weight, at) => ({ ...route(at, {}), weight }))
      const total = list.reduce((sum, one) => sum + one, 0)
      const picked = Array.from({ length: total }, (_, at) => pickByWeight(routes, (at + 0.5) / total)?.to.port)
      assert.equal(
        list.map((_, at) => picked.filter((one) => one === at).length),
        list,
      )
    }),
  )
  assert.is(pickByWeight([], 0.5), undefined)
  assert.is(pickByWeight([route(1, {})], 1 - Number.EPSILON)?.to.port, 1)
})

test('a request says what it asks for, by its host and by its target', () => {
  const asked = (target: string, host = 'a.example.com') => {
    const read = readAsked(target, host)
    return read === undefined ? 'refused' : `${read.host} ${read.path} ${read.target}`
  }
  assert.equal(
    [
      asked('/a/b?c=/../d', 'A.Example.COM:8080'),
      asked('/a', 'a.example.com.'),
      asked('/', '10.0.0.1:80'),
      asked('/', '[fd00::1]:80'),
      asked('http://A.example.com/x?y', 'a.example.com'),
      asked('http://a.example.com?y'),
      asked('/%61%2Fb//c'),
      asked('/caf%E9'),
    ],
    [
      'a.example.com /a/b /a/b?c=/../d',
      'a.example.com /a /a',
      '10.0.0.1 / /',
      ' / /',
      'a.example.com /x /x?y',
      'a.example.com / /?y',
      'a.example.com /a/b/c /%61%2Fb//c',
      'a.example.com /café /caf%E9',
    ],
  )
  const targets = ['', '*', 'a', '/a#b', '/a b', '/ä', '/a\\b', 'https://a.example.com/', 'http://b.example.com/']
  for (const bad of [...targets, 'a.example.com:80', 'http://u@a.example.com/', '/a\0b'])
    assert.is(asked(bad), 'refused', bad)
  for (const bad of ['', 'a b', 'a/b', 'a,b', 'ä.de', 'a:b', '-a', 'u@a', '[::1', 'a:123456', '*.a', 'a\r\nb'])
    assert.is(asked('/', bad), 'refused', bad)
})

test('a path that might be another one is refused', () => {
  const refused = ['/..', '/.', '/a/../b', '/a/..', '/%2e%2e/b', '/a%2f..%2fb', '/a/.%2e', '/..;/b', '/a/%00', '/a%5cb']
  for (const path of [...refused, '/%', '/%2', '/%zz', '/a%0d%0ab', '/%7f'])
    assert.is(comparablePath(path), undefined, path)
  for (const path of ['/', '/a', '/...', '/.a', '/a..b/', '/a;b=c', '/%25', '/%C3%9C'])
    assert.type(comparablePath(path), 'string', path)
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('/', '.', '%2e', '%2F', 'a', ';') }), (text) => {
      const path = comparablePath(`/${text}`)
      if (path === undefined) return
      // Whoever resolves it like a browser stays in front of the same rule.
      assert.is(new URL(path.replaceAll('%', '%25'), 'http://a').pathname.replaceAll('%25', '%'), path)
    }),
  )
})

test.run()
