// Names to addresses by the host's own resolver, for public endpoints that are written as names.

import { lookup } from 'node:dns/promises'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { HoldfastError } from '../../shared/errors.ts'

/** Throws `unreachable` where there is no answer: no DNS, or no such name. */
export function resolveName(name: string): Promise<readonly Address[]> {
  return addressesOf(name, 0)
}

/** The same for IPv6 alone. */
export function resolveIpv6(name: string): Promise<readonly Address[]> {
  return addressesOf(name, 6)
}

async function addressesOf(name: string, family: 0 | 6): Promise<readonly Address[]> {
  try {
    // A link-local answer carries a zone that means nothing in an endpoint.
    const found = (await lookup(name, { all: true, family })).filter(({ address }) => !address.includes('%'))
    return found.map(({ address }) => parseAddress(address))
  } catch (cause) {
    throw new HoldfastError('unreachable', `${name} does not resolve: ${(cause as Error).message}`, { cause })
  }
}
