// A client is sent to what is said, and keeps of its question what is not.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { httpRedirect } from '../../shared/intent/http-redirect.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { readAsked } from './http-match.ts'
import { locationOf } from './redirect.ts'

function sentTo(said: object, target = '/a/b?c=d', host = 'Shop.example.com:8080', port = 8_080): string {
  const asked = readAsked(target, host)
  assert.ok(asked !== undefined)
  return locationOf(parseWith(httpRedirect, said), asked, port)
}

test('what is not said stays as it was asked', () => {
  assert.is(sentTo({ scheme: 'https' }), 'https://shop.example.com/a/b?c=d')
  assert.is(sentTo({ scheme: 'https', port: 8_443 }), 'https://shop.example.com:8443/a/b?c=d')
  assert.is(sentTo({ hostname: 'new.example.com' }), 'http://new.example.com:8080/a/b?c=d')
  assert.is(sentTo({ hostname: 'new.example.com' }, '/', 'a', 80), 'http://new.example.com/')
  assert.is(sentTo({ port: 80 }), 'http://shop.example.com/a/b?c=d')
  assert.is(sentTo({ path: '/new' }), 'http://shop.example.com:8080/new?c=d')
  assert.is(sentTo({ path: '/$&' }, '/a'), 'http://shop.example.com:8080/$&')
})

test('a client that asks for an address, or for what looks like another host, stays with the one that it asked', () => {
  assert.is(sentTo({ scheme: 'https' }, '/', '[fd00::1]:80'), 'https://[fd00::1]/')
  assert.is(sentTo({ scheme: 'https' }, '//evil.example/x', 'a'), 'https://a//evil.example/x')
  assert.is(sentTo({ scheme: 'https' }, 'http://a/x', 'a'), 'https://a/x')
  assert.is(new URL(sentTo({ scheme: 'https' }, '/@evil.example', 'a')).host, 'a')
})

test('where it would go in a circle, or nowhere, is refused', () => {
  for (const bad of [{}, { status: 301 }, { scheme: 'ftp' }, { hostname: '*.a' }, { hostname: 'a b' }, { path: 'a' }])
    assert.throws(() => parseWith(httpRedirect, bad))
  for (const bad of [{ status: 304, path: '/a' }, { path: '/a?b' }, { path: '//a' }, { port: 0 }])
    assert.throws(() => parseWith(httpRedirect, bad))
})

test.run()
