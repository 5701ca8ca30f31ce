// A network that has IPv6 alone and a translator to IPv4 (NAT64, RFC 6146). Endpoints of IPv4 stay what they are in intent, in
// facts and on the command line; where packets leave they become addresses of the translator, and endpoints again where they
// come in.
//
// Whoever has a default route of IPv4, a CLAT among them (RFC 6877), needs none of this: nothing is asked, and nothing changed.

import { type Address, type Cidr, contains, hostCidr, parseAddress } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, isIpv6, portOf } from '../../shared/address/endpoint.ts'
import { tryParseIp } from '../../shared/address/ip.ts'
import { isPublic } from '../../shared/address/scope.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { UplinkRoute } from '../uplinks/uplink.ts'
import { behindNat64, ipv4OnlyName, prefixFrom, throughNat64 } from './prefix.ts'

export interface Nat64Options {
  /** The prefix that people know; asked for where absent. */
  readonly prefix?: Cidr | undefined
  /** Addresses of IPv6 of a name, by the host's own resolver. Throws where there is no answer. */
  readonly ask: (name: string) => Promise<readonly Address[]>
  readonly routes: () => readonly UplinkRoute[]
  readonly clock: Clock
  readonly log: Log
}

export interface Nat64 {
  /** Undefined where IPv4 leads out by itself, or not at all. */
  prefix(): Cidr | undefined
  /** After each look at the host. */
  follow(local: readonly Pick<LocalAddress, 'cidr'>[]): void
  /** Once the question that is under way has its answer, or is known to have none. */
  settled(): Promise<void>
  /** Where packets for the endpoint are sent. */
  out(endpoint: Endpoint): Endpoint
  outHost(host: string): string
  /** The endpoint that packets come from. */
  in(endpoint: Endpoint): Endpoint
  inHost(address: Address): Address
  /** Installs who is told that IPv4 leads out by another way now. */
  listen(onChange: () => void): void
}

/** A prefix belongs to the network that the host stands in; the host changes it seldom without changing its links. */
const FRESH_MS = 10 * 60_000
/** No answer: the name server may come a moment after the route does. */
const UNKNOWN_MS = 15_000

export function createNat64({ ask, clock, log, prefix: told, routes }: Nat64Options): Nat64 {
  let [prefix, found, askedAt]: [Cidr | undefined, Cidr | undefined, number] = [
    undefined,
    told,
    Number.NEGATIVE_INFINITY,
  ]
  let local: readonly Pick<LocalAddress, 'cidr'>[] = []
  let asking: Promise<void> | undefined
  let onChange: () => void = () => undefined

  const set = (next: Cidr | undefined): void => {
    if (next === prefix) return
    log.info(next === undefined ? 'IPv4 needs no translator any more' : 'IPv4 leads out through a translator', {
      prefix: next ?? prefix,
    })
    prefix = next
    onChange()
  }

  const isNeeded = (): boolean => {
    const all = routes()
    return all.some(({ family }) => family === 6) && all.every(({ family }) => family === 6)
  }

  const learn = async (): Promise<void> => {
    askedAt = clock.monotonic()
    try {
      // A network that answers without a translator's address has none; one that does not answer leaves things as they are.
      found = prefixFrom(await ask(ipv4OnlyName))
    } catch (error) {
      log.debug('the prefix of a translator is not known', { reason: describeError(error) })
    } finally {
      asking = undefined
    }
    if (isNeeded()) set(found)
  }

  /** Neighbours are reached without a translator, and nobody translates what nobody routes. */
  const isFar = (address: Address): boolean =>
    isPublic(address) && !local.some(({ cidr }) => contains(cidr, hostCidr(address)))

  const outHost = (host: string): string => {
    if (prefix === undefined || tryParseIp(host)?.family !== 4) return host
    const address = parseAddress(host)
    return isFar(address) ? throughNat64(prefix, address) : host
  }
  const inHost = (address: Address): Address =>
    prefix === undefined ? address : (behindNat64(prefix, address) ?? address)

  return {
    prefix: () => prefix,
    follow(now) {
      local = now
      if (!isNeeded()) {
        // Another network may have another one.
        if (told === undefined) found = undefined
        askedAt = Number.NEGATIVE_INFINITY
        return set(undefined)
      }
      set(found)
      const due = clock.monotonic() >= askedAt + (found === undefined ? UNKNOWN_MS : FRESH_MS)
      if (told === undefined && asking === undefined && due) asking = learn()
      return undefined
    },
    settled: async () => await asking,
    out(endpoint) {
      if (prefix === undefined || isIpv6(endpoint)) return endpoint
      return formatEndpoint(outHost(hostOf(endpoint)) as Address, portOf(endpoint))
    },
    outHost,
    in(endpoint) {
      if (prefix === undefined || !isIpv6(endpoint)) return endpoint
      return formatEndpoint(inHost(hostOf(endpoint) as Address), portOf(endpoint))
    },
    inHost,
    listen: (listener) => void (onChange = listener),
  }
}
