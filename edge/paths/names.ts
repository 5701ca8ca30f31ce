// Addresses behind the DNS names of public endpoints. Asked in the background; a turn never waits for a name server.

import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, type NamedEndpoint, portOf } from '../../shared/address/endpoint.ts'
import { tryParseIp } from '../../shared/address/ip.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'

/** Dynamic DNS names of sites change with their uplink: minutes matter, seconds don't. */
const FRESH_MS = 5 * 60_000
/** A site whose uplink has just come may have no name server yet. */
const UNKNOWN_MS = 30_000
/** Questions under way at once: a site without DNS must not pile them up. */
const ASKING_MAX = 4

interface Answer {
  readonly address: Address | undefined
  readonly askedAt: number
}

export interface Names {
  /** The endpoint as far as it is known now; asks where it is not, or is old. */
  resolve(endpoint: NamedEndpoint): Endpoint | undefined
  /** Rises when an answer changes something. */
  revision(): number
  /** Forgets names that are no longer in use. */
  keepOnly(endpoints: ReadonlySet<string>): void
}

export function createNames(
  ask: ((name: string) => Promise<readonly Address[]>) | undefined,
  clock: Clock,
  log: Log,
): Names {
  const answers = new Map<string, Answer>()
  /** Those that name an address: nobody has to be asked, and it is the same each turn. */
  const literals = new Map<NamedEndpoint, Endpoint>()
  const asking = new Set<string>()
  let revision = 0

  const refresh = async (name: string, before: Address | undefined): Promise<void> => {
    if (ask === undefined || asking.has(name) || asking.size >= ASKING_MAX) return
    asking.add(name)
    answers.set(name, { address: before, askedAt: clock.monotonic() })
    try {
      const found = await ask(name)
      // The one that was used stays while it is among the answers: name servers shuffle them.
      const address = before !== undefined && found.includes(before) ? before : found[0]
      answers.set(name, { address: address ?? before, askedAt: clock.monotonic() })
      if (address !== undefined && address !== before) revision += 1
    } catch (error) {
      log.debug('a name was not resolved', { name, reason: describeError(error) })
    } finally {
      asking.delete(name)
    }
  }

  return {
    resolve(endpoint) {
      const literal = literals.get(endpoint)
      if (literal !== undefined) return literal
      const host = hostOf(endpoint)
      if (tryParseIp(host) !== undefined) {
        const written = formatEndpoint(parseAddress(host), portOf(endpoint))
        literals.set(endpoint, written)
        return written
      }
      const answer = answers.get(host)
      const ageMs = answer === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() - answer.askedAt
      if (ageMs >= (answer?.address === undefined ? UNKNOWN_MS : FRESH_MS)) void refresh(host, answer?.address)
      return answer?.address === undefined ? undefined : formatEndpoint(answer.address, portOf(endpoint))
    },
    revision: () => revision,
    keepOnly(endpoints) {
      const hosts = new Set([...endpoints].map((endpoint) => hostOf(endpoint as NamedEndpoint)))
      for (const name of answers.keys()) if (!hosts.has(name)) answers.delete(name)
      for (const endpoint of literals.keys()) if (!endpoints.has(endpoint)) literals.delete(endpoint)
    },
  }
}
