// One question to the router and its answer, by datagrams: asked again a few times, because datagrams get lost.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Timer } from '../../shared/effects.ts'
import type { RouterDoors } from './doors.ts'
import type { Gateway } from './lease.ts'

/** Of NAT-PMP (RFC 6886 §1.1) and PCP (RFC 6887 §19.1) servers. */
const PORT = 5_351
/**
 * Routers answer within milliseconds. RFC 6886 §3.1 begins so, and goes on for a minute; whoever has not answered within
 * two seconds does not serve, and UPnP is asked.
 */
const FIRST_WAIT_MS = 250
const TRIES = 3

export interface Asking {
  readonly doors: RouterDoors
  readonly clock: Clock
  readonly signal: AbortSignal
}

function serverAt(gateway: Address): Endpoint {
  return formatEndpoint(gateway, PORT)
}

/** The first answer that `parse` takes for one; undefined if there is none in time, or nobody listens. */
export async function exchange<T>(
  { clock, doors, signal }: Asking,
  { address, local }: Gateway,
  request: Uint8Array,
  parse: (bytes: Uint8Array) => T | undefined,
): Promise<T | undefined> {
  const server = serverAt(address)
  const outcome = Promise.withResolvers<T | undefined>()
  const stop = (): void => outcome.resolve(undefined)
  const socket = await doors.open(local, server, {
    onMessage(bytes, from) {
      const answer = from === server ? parse(bytes) : undefined
      if (answer !== undefined) outcome.resolve(answer)
    },
    onRefused: stop,
  })
  let timer: Timer | undefined
  const ask = (tries: number): void => {
    if (tries === TRIES) return stop()
    socket.send(request, server)
    timer = clock.after(FIRST_WAIT_MS * 2 ** tries, () => ask(tries + 1))
    return undefined
  }
  try {
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    else ask(0)
    return await outcome.promise
  } finally {
    signal.removeEventListener('abort', stop)
    timer?.cancel()
    socket.close()
  }
}
