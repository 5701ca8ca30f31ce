// Whatever somebody outside says to the gate: what could be read in two ways reaches no service, what a service says that is no
// answer reaches no client, and the gate goes on for others.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { gateHeadBytesMax, gateRequestsWaitingMax } from '../../shared/service-limits.ts'
import { head, opened, rig, route, say, sayer, service, statuses } from './http-rig.fake.ts'

const CLOSE = 'Connection: close'
const HOST = 'Host: a'
const POST = 'POST / HTTP/1.1'
const fine = head('GET /behind HTTP/1.1', HOST, CLOSE)

/** Each with a request behind it that must not be heard of. */
const unclear: Readonly<Record<string, string>> = {
  'two lengths': `${head(POST, HOST, 'Content-Length: 4', 'Content-Length: 5')}body`,
  'the same length twice': `${head(POST, HOST, 'Content-Length: 4', 'Content-Length: 4')}body`,
  'a list of lengths': `${head(POST, HOST, 'Content-Length: 4, 4')}body`,
  'a length with a sign': `${head(POST, HOST, 'Content-Length: +4')}body`,
  'a length that is none': `${head(POST, HOST, 'Content-Length: 0x4')}body`,
  'a length beyond all': head(POST, HOST, 'Content-Length: 18446744073709551617'),
  'a length and chunks': `${head(POST, HOST, 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  'chunks and a length': `${head(POST, HOST, 'Transfer-Encoding: chunked', 'Content-Length: 4')}0\r\n\r\n`,
  'chunks that are not last': `${head(POST, HOST, 'Transfer-Encoding: chunked, gzip')}0\r\n\r\n`,
  'another coding': `${head(POST, HOST, 'Transfer-Encoding: gzip, chunked')}0\r\n\r\n`,
  'a coding by another word': `${head(POST, HOST, 'Transfer-Encoding: xchunked')}0\r\n\r\n`,
  'a coding with a tab': `${head(POST, HOST, 'Transfer-Encoding:\u000bchunked')}0\r\n\r\n`,
  'a coding twice': `${head(POST, HOST, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}0\r\n\r\n`,
  'chunks of HTTP/1.0': `${head('POST / HTTP/1.0', HOST, 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  'a space before the colon': `${head(POST, HOST, 'Content-Length : 4')}body`,
  'a folded line': head(POST, HOST, 'X-Own: a', ' b'),
  'a folded coding': `${head(POST, HOST, 'Transfer-Encoding:', ' chunked')}0\r\n\r\n`,
  'a line that ends with LF alone': `GET / HTTP/1.1\r\nHost: a\nX-Own: b\r\n\r\n`,
  'a head that ends with LF alone': `GET / HTTP/1.1\nHost: a\n\n`,
  'a CR within a line': head('GET / HTTP/1.1', HOST, 'X-Own: a\rb'),
  'a NUL in a value': head('GET / HTTP/1.1', HOST, 'X-Own: a\0b'),
  'a NUL in a name': head('GET / HTTP/1.1', HOST, 'X-O\0wn: a'),
  'a name that is none': head('GET / HTTP/1.1', HOST, 'X Own: a'),
  'no name': head('GET / HTTP/1.1', HOST, ': a'),
  'a line without a colon': head('GET / HTTP/1.1', HOST, 'nothing'),
  'no host': head('GET / HTTP/1.1', 'X-Own: a'),
  'no host in HTTP/1.0': head('GET / HTTP/1.0'),
  'two hosts': head('GET / HTTP/1.1', HOST, 'Host: b'),
  'a host with a path': head('GET / HTTP/1.1', 'Host: a/b'),
  'another host in the target': head('GET http://b/ HTTP/1.1', HOST),
  'a target that is none': head('GET a HTTP/1.1', HOST),
  'a fragment': head('GET /a#b HTTP/1.1', HOST),
  'a step out of the path': head('GET /a/../b HTTP/1.1', HOST),
  'an encoded step': head('GET /a/%2e%2e%2fb HTTP/1.1', HOST),
  'a backslash': head('GET /a\\..\\b HTTP/1.1', HOST),
  'a byte beyond ASCII': head('GET /\u00e4 HTTP/1.1', HOST),
  'a method that is none': head('GE\0T / HTTP/1.1', HOST),
  'another protocol': head('GET / HTTP/2.0', HOST),
  'no protocol': 'GET /\r\n\r\n',
  TLS: '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
  'HTTP/2 at once': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
}

test('what could be read in two ways is refused, and nothing behind it is read', async () => {
  const one = await service('one')
  const { close, lead, port } = await rig()
  await lead(route(one.port))
  for (const [what, words] of Object.entries(unclear)) {
    const back = await say(port, Buffer.from(words + fine, 'latin1'))
    assert.equal([statuses(back), one.heard], [[400], []], `${what}: ${back}`)
  }
  assert.equal(statuses(await say(port, head('CONNECT a:80 HTTP/1.1', HOST) + fine)), [])
  assert.equal(one.heard, [])
  assert.equal(statuses(await say(port, fine)), [200])
  one.close()
  close()
})

test('a body that is not what it says it is never ends at the service', async () => {
  const one = await service('one')
  const { close, lead, port } = await rig()
  await lead(route(one.port))
  const chunked = head(POST, HOST, 'Transfer-Encoding: chunked')
  const bodies = [
    'zz\r\n',
    '-1\r\n',
    '4\r\nbodyX\r\n0\r\n\r\n',
    '4\nbody\r\n0\r\n\r\n',
    '0x4\r\nbody\r\n0\r\n\r\n',
    'ffffffffffffffffff\r\n',
  ]
  for (const body of bodies) {
    const back = await say(port, chunked + body + fine)
    assert.not.ok(/one POST/.test(back) || back.includes('/behind'), `${body}: ${back}`)
  }
  assert.not.ok(one.heard.includes('GET /behind'))
  one.close()
  close()
})

test('heads have a bound, and so have requests that nobody waits for', async () => {
  const one = await service('one')
  const { close, lead, port } = await rig()
  await lead(route(one.port))
  const long = (bytes: number): string => head('GET /long HTTP/1.1', HOST, `X-Own: ${'x'.repeat(bytes)}`, CLOSE)
  assert.equal(statuses(await say(port, long(gateHeadBytesMax))), [431])
  assert.equal(statuses(await say(port, long(gateHeadBytesMax / 2))), [200])
  const many = Array.from({ length: 2_100 }, () => 'a:')
  assert.equal(statuses(await say(port, head('GET / HTTP/1.1', HOST, ...many, 'Last: 1', CLOSE))), [200])
  assert.is(one.last()?.headers['last'], '1', 'none is left out')
  const before = one.heard.length
  await say(port, head('GET / HTTP/1.1', HOST).repeat(50 * gateRequestsWaitingMax))
  assert.ok(one.heard.length - before <= gateRequestsWaitingMax)
  assert.equal(statuses(await say(port, fine)), [200])
  one.close()
  close()
})

test('what a service says that is no answer is told as such, and an answer that breaks off breaks off', async () => {
  const { close, lead, port } = await rig()
  const ask = async (words: string): Promise<string> => {
    const one = await sayer(words)
    await lead(route(one.port))
    const back = await say(port, fine)
    one.close()
    return back
  }
  const bad = [
    '',
    'nonsense\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'HTTP/1.1 200 OK\nX: y\n\n',
    'HTTP/1.1 200 OK\r\nX-Own: a\r\n b\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX-Own: ${'x'.repeat(gateHeadBytesMax)}\r\n\r\n`,
  ]
  for (const words of bad) assert.equal(statuses(await ask(words)), [502], words.slice(0, 80))
  assert.match(await ask('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'), /Content-Length: 9\r\n[^]*half$/)
  const chunks = await ask('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')
  assert.not.match(chunks, '\r\n0\r\n')
  assert.match(await ask('HTTP/1.0 200 OK\r\n\r\nto the end'), /to the end/)
  assert.equal(
    statuses(await ask('HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')),
    [200],
  )
  close()
})

test('bytes of any kind never end the gate, nor lead anywhere but where one host is named', async () => {
  const one = await service('one')
  const { close, lead, port } = await rig()
  await lead(route(one.port, { hostnames: ['own.example.com'] }))
  const part = fc.constantFrom(
    '\r\n',
    '\n',
    ' ',
    ':',
    '\0',
    'Host: ',
    'a',
    'own.example.com',
    'GET ',
    '/',
    ' HTTP/1.1',
    '\r\n\r\n',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 20 }), async (parts) => {
      const socket = await opened(port)
      const over = new Promise((go) => socket.once('close', go))
      socket.resume().end(parts.join(''))
      await over
      const isNamed = parts.join('').toLowerCase().includes('host: own.example.com')
      assert.ok(isNamed || one.heard.length === 0)
    }),
    { numRuns: 200 },
  )
  assert.equal(statuses(await say(port, head('GET / HTTP/1.1', 'Host: own.example.com', CLOSE))), [200])
  one.close()
  close()
})

test.run()
