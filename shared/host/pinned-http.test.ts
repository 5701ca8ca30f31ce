// An exchange over a slow link: what moves is waited for, what is silent is not.

import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../effects.fake.ts'
import { isHoldfastError } from '../errors.ts'
import { type Answer, exchange } from './pinned-http.ts'

/** Asks a server that answers as `serve` does; HTTP over TLS and over TCP are the same to an exchange. */
async function ask(
  timeoutMs: number,
  serve: (response: ServerResponse) => void,
  { bodyMax = 1_000, clock = new FakeClock() } = {},
): Promise<Answer> {
  const server = createServer((_, response) => serve(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    const wanted = { method: 'GET', path: '/', timeoutMs, bodyMax } as const
    return await exchange(socket as unknown as TLSSocket, 'hub', wanted, clock)
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

async function fault(work: Promise<Answer>): Promise<string> {
  const error: unknown = await work.then(
    () => 'answered',
    (reason: unknown) => reason,
  )
  return isHoldfastError(error) ? `${error.code}: ${error.message}` : String(error)
}

test('an answer that comes in drips is waited for beyond the timeout', async () => {
  const parts = ['{"a":', '1', ',"b":', '2', ',"c":', '3}']
  const clock = new FakeClock()
  const drip = async (response: ServerResponse): Promise<void> => {
    for (const part of parts) {
      clock.advance(200)
      response.write(part)
      await heard(clock, 300)
    }
    response.end()
  }
  assert.equal((await ask(300, (response) => void drip(response), { clock })).body, { a: 1, b: 2, c: 3 })
  assert.is(clock.monotonic(), 1_200)
})

/** When a part has come, patience is whole again. */
async function heard(clock: FakeClock, timeoutMs: number): Promise<void> {
  while (clock.untilNext() < timeoutMs) await new Promise((resolve) => setImmediate(resolve))
}

test('one that falls silent is not, before its first byte or in the middle', async () => {
  const [first, middle] = [new FakeClock(), new FakeClock()]
  const silent = /^unreachable: .*no answer within 0.05 s/
  assert.match(await fault(ask(50, () => first.advance(50), { clock: first })), silent)
  const begin = async (response: ServerResponse): Promise<void> => {
    middle.advance(49)
    response.write('{"a":')
    await heard(middle, 50)
    middle.advance(50)
  }
  assert.match(await fault(ask(50, (response) => void begin(response), { clock: middle })), silent)
})

test('one that is too long, or no JSON, is refused', async () => {
  assert.match(await fault(ask(1_000, (response) => response.end(`"${'x'.repeat(1_000)}"`))), /^too-large: /)
  assert.match(await fault(ask(1_000, (response) => response.end('<html>'))), /^invalid: .*is a hub at this address/)
})

test.run()
