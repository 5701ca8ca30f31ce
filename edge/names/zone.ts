// The names of the mesh as the records say them: what is asked of the resolver is looked up here. Pure.

import { type Address, type Cidr, compareCidr, contains, hostCidr } from '../../shared/address/cidr.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'

export interface Zone {
  /** Lower case, without a dot at the end. */
  readonly domain: string
  /** Addresses by whole name. */
  readonly hosts: ReadonlyMap<string, readonly Address[]>
  /** Whole names by address. */
  readonly names: ReadonlyMap<Address, string>
  /** Blocks of the mesh: whoever has an address in them is known here or is nobody. */
  readonly blocks: readonly Cidr[]
  /** Counts changes of intent, as zones do (RFC 1035 §3.3.13). */
  readonly serial: number
}

/** Nodes that are switched off keep their names: they may be asked for, and are not there. `serial` wraps as in RFC 1982. */
export function zoneOf({ network, nodes }: ParsedRecords, serial: number): Zone | undefined {
  if (network === undefined) return undefined
  const { cidr, cidr6, dnsDomain: domain } = network.spec
  const hosts = new Map<string, readonly Address[]>()
  const names = new Map<Address, string>()
  for (const { addresses, name } of nodes) {
    const whole = `${name}.${domain}`
    hosts.set(whole, addresses)
    for (const address of addresses) names.set(address, whole)
  }
  const blocks = (cidr6 === undefined ? [cidr] : [cidr, cidr6]).sort(compareCidr)
  return { domain, hosts, names, blocks, serial: serial >>> 0 }
}

/** Whether the mesh knows who has that address, or that nobody has. */
export function isWithin({ blocks }: Pick<Zone, 'blocks'>, address: Address): boolean {
  return blocks.some((block) => contains(block, hostCidr(address)))
}
