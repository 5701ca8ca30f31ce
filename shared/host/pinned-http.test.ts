// An exchange over a slow link: what moves is waited for, what is silent is not.

import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../errors.ts'
import { systemClock } from './clock.ts'
import { type Answer, exchange } from './pinned-http.ts'

/** Asks a server that answers as `serve` does; HTTP over TLS and over TCP are the same to an exchange. */
async function ask(timeoutMs: number, serve: (response: ServerResponse) => void, bodyMax = 1_000): Promise<Answer> {
  const server = createServer((_, response) => serve(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    return await exchange(socket as unknown as TLSSocket, 'hub', { method: 'GET', path: '/', timeoutMs, bodyMax })
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
  const drip = (response: ServerResponse, at = 0): void => {
    response.write(parts[at])
    if (at + 1 === parts.length) response.end()
    else systemClock.after(100, () => drip(response, at + 1))
  }
  assert.equal((await ask(300, drip)).body, { a: 1, b: 2, c: 3 })
})

test('one that falls silent is not, before its first byte or in the middle', async () => {
  assert.match(await fault(ask(50, () => undefined)), /^unreachable: .*no answer within 0.05 s/)
  assert.match(await fault(ask(50, (response) => response.write('{"a":'))), /^unreachable: .*no answer within 0.05 s/)
})

test('one that is too long, or no JSON, is refused', async () => {
  assert.match(await fault(ask(1_000, (response) => response.end(`"${'x'.repeat(1_000)}"`))), /^too-large: /)
  assert.match(await fault(ask(1_000, (response) => response.end('<html>'))), /^invalid: .*is a hub at this address/)
})

test.run()
