// Addresses that this host has, on all of its interfaces.

import { networkInterfaces } from 'node:os'

export function ownAddresses(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((found = []) => found.map(({ address }) => address)))
}
