// Ports for tests that have to name one before anybody listens there. Bind, look, and close is a gamble: whatever connects
// meanwhile may be given that port. These are where no system gives any unasked, and are claimed among tests that run at once.

import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { HoldfastError } from '../errors.ts'

/** Below what Linux gives to those who ask for any port: 32768 to 60999, ip_local_port_range of ip-sysctl(7). */
const FIRST = 20_000
const COUNT = 10_000
/** A port and the next one. */
const STEP = 2

/** Kept as long as the process lives, however it ends: a name of unix(7) that is no file, in each network namespace its own. */
async function claim(port: number): Promise<boolean> {
  const server = createServer()
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(`\0holdfast-test-port-${port}`, () => resolve(true))
    server.unref()
  })
}

async function isFreeForStreams(port: number): Promise<boolean> {
  const server = createServer()
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

async function isFreeForDatagrams(port: number): Promise<boolean> {
  const socket = createSocket({ type: 'udp6' })
  return await new Promise((resolve) => {
    // Where there is no IPv6 nothing is in the way.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE'))
    socket.bind({ port, exclusive: true }, () => socket.close(() => resolve(true)))
  })
}

async function isOurs(port: number): Promise<boolean> {
  if (!(await claim(port))) return false
  for (const one of [port, port + 1]) {
    if (!((await isFreeForStreams(one)) && (await isFreeForDatagrams(one)))) return false
  }
  return true
}

/** One that this process alone may listen at, and at the next one too, by TCP and UDP; each call gives another. */
export async function ownPort(): Promise<number> {
  // Processes that start together have ids side by side: each begins some way from the others.
  const start = (process.pid * 97 * STEP) % COUNT
  for (let i = 0; i < COUNT; i += STEP) {
    const port = FIRST + ((start + i) % COUNT)
    if (await isOurs(port)) return port
  }
  throw new HoldfastError('failed', 'every port for tests is in use')
}
