// What a route's `probe` comes to: both ends work it out from the same record. Whoever asks sends an echo to the router's own
// address, with the mark and the identifier of the probe; the router leads that on to the machine behind it, by the very way that
// all other packets take. So a router that is not used can be asked as well as the one that is.

import { type Address, type Cidr, contains, hostCidr } from '../address/cidr.ts'
import { mapAddress } from '../address/netmap.ts'

/** First bytes of such an echo, behind the header of ICMP: no ping of anybody else is led anywhere. */
export const probeMark = 'holdfast'

export interface RouteProbe {
  /** The machine behind the router, as it is called there. */
  readonly target: Address
  /** Identifier of ICMP, 1–65,535: routes with other targets have others, as far as 16 bits go. */
  readonly id: number
}

/** FNV-1a (RFC 9923 §2), its halves laid over each other. */
function hash16(text: string): number {
  let hash = 0x81_1c_9d_c5
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01_00_01_93) >>> 0
  return (hash >>> 16) ^ (hash & 0xff_ff) || 1
}

interface Probed {
  readonly destination: Cidr
  readonly mapTo?: Cidr | undefined
  readonly probe?: Address | undefined
}

/** The address may be what the machine is called in the mesh, or behind the router. Undefined also where it lies elsewhere. */
export function routeProbe({ destination, mapTo, probe }: Probed): RouteProbe | undefined {
  if (probe === undefined) return undefined
  const behind = mapTo === undefined ? undefined : mapAddress(probe, mapTo, destination)
  const target = behind ?? (contains(destination, hostCidr(probe)) ? probe : undefined)
  return target === undefined ? undefined : { target, id: hash16(`${mapTo ?? destination} ${target}`) }
}
