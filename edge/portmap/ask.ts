// Asks a router by whatever it understands: PCP or NAT-PMP first, for it is two datagrams; UPnP where neither helps.

import { describeError } from '../../shared/errors.ts'
import { askNatPmp, askPcp, checkNatPmp, checkPcp, releasePcp } from './ask-pcp.ts'
import { askUpnp, checkUpnp, releaseUpnp } from './ask-upnp.ts'
import type { Asking } from './exchange.ts'
import {
  type Check,
  type Gateway,
  type Lease,
  type LeaseMemory,
  type Outcome,
  type Protocol,
  protocols,
  type Wish,
} from './lease.ts'

const ASK: Readonly<Record<Protocol, (asking: Asking, wish: Wish) => Promise<Outcome>>> = {
  PCP: askPcp,
  'NAT-PMP': askNatPmp,
  UPnP: askUpnp,
}

/** A router that can't be spoken to is as good as silent. */
async function attempt(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run()
  } catch (error) {
    return { type: 'refused', why: describeError(error) }
  }
}

export async function askRouter(asking: Asking, wish: Wish): Promise<Outcome> {
  const order = new Set<Protocol>([...(wish.known === undefined ? [] : [wish.known.protocol]), ...protocols])
  const told: string[] = []
  let waitS: number | undefined
  for (const protocol of order) {
    const outcome = await attempt(() => ASK[protocol](asking, wish))
    if (outcome.type === 'granted' || asking.signal.aborted) return outcome
    if (outcome.type === 'refused') {
      told.push(`${protocol}: ${outcome.why}`)
      waitS = Math.max(waitS ?? 0, outcome.waitS ?? 0)
      // It was led on to where it said so itself.
      if (protocol === 'PCP') order.delete('NAT-PMP')
    }
  }
  if (told.length === 0) return { type: 'silent' }
  return { type: 'refused', why: told.join('; '), ...(waitS === undefined ? {} : { waitS }) }
}

export async function checkLease(asking: Asking, gateway: Gateway, lease: Lease): Promise<Check> {
  try {
    if (lease.protocol === 'UPnP') return await checkUpnp(asking, lease)
    return await (lease.protocol === 'PCP' ? checkPcp : checkNatPmp)(asking, gateway)
  } catch {
    return { type: 'silent' }
  }
}

/** Gives the mapping back, as far as the router listens. */
export async function releaseLease(asking: Asking, lease: LeaseMemory): Promise<void> {
  await (lease.protocol === 'UPnP' ? releaseUpnp : releasePcp)(asking, lease)
}
