// What of a message's headers goes on, and which messages are not believed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ambiguity, changed, endToEnd, isWebSocket, requestHeaders } from './http-headers.ts'

test('a message whose end could be read in two ways is refused', () => {
  const host = ['Host', 'a']
  const why = (raw: readonly string[], version = '1.1') => ambiguity([...host, ...raw], version, true)
  assert.equal(
    [why([]), why(['Content-Length', '5']), why(['Transfer-Encoding', 'Chunked'])],
    [undefined, undefined, undefined],
  )
  const bad: readonly (readonly string[])[] = [
    ['Transfer-Encoding', 'gzip, chunked'],
    ['Transfer-Encoding', 'chunked, chunked'],
    ['Transfer-Encoding', 'identity'],
    ['Transfer-Encoding', ''],
    ['Transfer-Encoding', 'chunked', 'transfer-encoding', 'chunked'],
    ['Transfer-Encoding', 'chunked', 'Content-Length', '5'],
    ['Content-Length', '5', 'content-length', '5'],
    ['Content-Length', '5, 5'],
    ['Content-Length', '+5'],
    ['Content-Length', '0x5'],
    ['Content-Length', ''],
    ['hOST', 'b'],
  ]
  for (const raw of bad) assert.type(why(raw), 'string', raw.join())
  assert.type(why(['Transfer-Encoding', 'chunked'], '1.0'), 'string')
  assert.type(ambiguity([], '1.1', true), 'string')
  assert.is(ambiguity([], '1.1', false), undefined)
})

test('what is between two neighbours stays there, also what they name, but for the length and the host', () => {
  const raw = ['Host', 'a', 'Connection', 'close, X-Own, Content-Length', 'connection', 'host', 'x-own', '1', 'TE', 'x']
  assert.equal(endToEnd([...raw, 'Content-Length', '5', 'Upgrade', 'h2c', 'Expect', '100-continue', 'Cookie', 'c']), [
    'Host',
    'a',
    'Content-Length',
    '5',
    'Cookie',
    'c',
  ])
})

test('a service is told who the client is, and not what the client says of it', () => {
  const raw = ['Host', 'a', 'X-Forwarded-For', '127.0.0.1', 'x_forwarded_proto', 'https', 'Forwarded', 'for=x']
  assert.equal(requestHeaders([...raw, 'X-Real-IP', '::1', 'Via', '1.0 p'], { source: '203.0.113.9', host: 'a' }), [
    'Host',
    'a',
    'Via',
    '1.0 p',
    'X-Forwarded-For',
    '203.0.113.9',
    'X-Forwarded-Host',
    'a',
    'X-Forwarded-Proto',
    'http',
    'Via',
    '1.1 holdfast',
  ])
  // A client can't have them dropped behind us either.
  const named = ['Host', 'a', 'Connection', 'X-Forwarded-For, Via']
  assert.ok(requestHeaders(named, { source: '203.0.113.9', host: 'a' }).includes('X-Forwarded-For'))
})

test('headers are taken away before others are set and added, however they are spelled', () => {
  const raw = ['Host', 'a', 'X-Env', '1', 'x_env', '2', 'Via', 'p', 'X-Tag', 'a', 'x-env', '3']
  const add = [{ name: 'x-tag', value: 'b' }]
  assert.equal(changed(raw, {}), raw)
  assert.equal(changed(raw, { remove: ['x-env'], add }), ['Host', 'a', 'Via', 'p', 'X-Tag', 'a', 'x-tag', 'b'])
  const set = [{ name: 'x-env', value: 'dev' }]
  assert.is(changed(raw, { remove: ['x-tag'], set, add }).join(' '), 'Host a Via p x-env dev x-tag b')
  // What a service is told of its client stays the gateway's word.
  const told = requestHeaders(
    raw,
    { source: '::1', host: 'a' },
    { set: [{ name: 'x-forwarded-for', value: '8.8.8.8' }] },
  )
  assert.not.ok(told.includes('8.8.8.8'))
})

test('a WebSocket alone takes a connection over', () => {
  const raw = ['Connection', 'keep-alive, Upgrade', 'Upgrade', 'WebSocket']
  assert.is(isWebSocket('GET', raw), true)
  assert.is(isWebSocket('POST', raw), false)
  assert.is(isWebSocket('GET', [...raw, 'Content-Length', '3']), false)
  assert.is(isWebSocket('GET', [...raw, 'Transfer-Encoding', 'chunked']), false)
  assert.is(isWebSocket('GET', ['Connection', 'Upgrade', 'Upgrade', 'h2c']), false)
  assert.is(isWebSocket('GET', ['Connection', 'Upgrade', 'Upgrade', 'websocket, h2c']), false)
  assert.is(isWebSocket('GET', ['Upgrade', 'websocket']), false)
})

test.run()
