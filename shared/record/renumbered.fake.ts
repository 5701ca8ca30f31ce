// The network of the fake records on its way to other blocks: 10.90.0.0/24 and fd90::/64.

import { type Address, parseAddress, parseCidr } from '../address/cidr.ts'
import type { ParsedRecords } from './parsed.ts'

/** In the order in which a network goes through them, `before` as it was. */
export const steps = ['before', 'both', 'turned', 'done'] as const
export type Step = (typeof steps)[number]

const OLD = { cidr: parseCidr('10.77.0.0/24'), cidr6: parseCidr('fd77::/64') }
const NEW = { cidr: parseCidr('10.90.0.0/24'), cidr6: parseCidr('fd90::/64') }
const BLOCKS = {
  before: OLD,
  both: { ...OLD, renumber: NEW },
  turned: { ...NEW, renumber: OLD },
  done: NEW,
} as const

export function movedTo(address: Address): Address {
  return parseAddress(address.replace(/^10\.77\./, '10.90.').replace(/^fd77:/, 'fd90:'))
}

function addressesAt(addresses: readonly Address[], step: Step): Address[] {
  const moved = addresses.map(movedTo)
  return { before: [...addresses], both: [...addresses, ...moved], turned: [...moved, ...addresses], done: moved }[step]
}

/** Records as the hub would publish them at that step. */
export function renumbered(records: ParsedRecords, step: Step): ParsedRecords {
  const { network } = records
  if (network === undefined) return records
  return {
    ...records,
    network: { ...network, spec: { ...network.spec, ...BLOCKS[step] } },
    nodes: records.nodes.map((node) => ({ ...node, addresses: addressesAt(node.addresses, step) })),
    services: records.services.map((one) => ({ ...one, addresses: addressesAt(one.addresses, step) })),
  }
}
