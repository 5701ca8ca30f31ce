// Addresses in what another program lists: thousands of flows are between a few, and each is read once.

import type { Address } from '../../shared/address/cidr.ts'
import { formatIp, tryParseIp } from '../../shared/address/ip.ts'

/** Reads the addresses of one listing; undefined for what is none. */
export function addressReader(): (text: string) => Address | undefined {
  const known = new Map<string, Address | undefined>()
  return (text) => {
    const held = known.get(text)
    if (held !== undefined || known.has(text)) return held
    const ip = tryParseIp(text)
    const address = ip === undefined ? undefined : (formatIp(ip) as Address)
    known.set(text, address)
    return address
  }
}
