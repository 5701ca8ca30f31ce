// Policy as the text of a table for the kernel's own programs (bpf/loader/policy-table.c): deterministic and whole.

import { type Address, type Cidr, hostCidr } from '../../shared/address/cidr.ts'
import { emptyTable, type FlatEntry, type Table, tableChange } from '../../shared/policy/table.ts'

export interface BpfTableInput {
  readonly table: Table
  /** UDP and TCP port inside the mesh for the agents' own words; no policy can close it. */
  readonly meshPort: number
  /** Addresses of nodes themselves, this one among them. */
  readonly nodes: ReadonlySet<Address>
  /** Subnets behind this node, with the class of local addresses that stands for them. */
  readonly behind: ReadonlyMap<Cidr, number>
}

function entryLine({ local, identity, direction, protocol, ...entry }: FlatEntry): string {
  const { auditCookie, auditVerdict, cookie, port, portBits, verdict } = entry
  const audit = auditVerdict === verdict ? 0 : auditCookie
  const way = direction === 'ingress' ? 'in' : 'out'
  return `e ${local} ${identity} ${way} ${protocol} ${port}/${portBits} ${verdict} ${cookie} ${audit}\n`
}

export function renderBpfTable({ behind, meshPort, nodes, table }: BpfTableInput): string {
  const { addresses, entries } = tableChange(emptyTable, table)
  const own = new Set(Array.from(nodes, hostCidr))
  const whose = (block: Cidr): string => (own.has(block) ? 'node' : 'behind')
  const lines = [
    ...Array.from(behind, ([block, number]) => `l ${block} ${number} behind\n`),
    ...Array.from(
      table.locals,
      ([address, number]) => `l ${hostCidr(address)} ${number} ${whose(hostCidr(address))}\n`,
    ),
    ...Array.from(addresses.put, ([block, number]) => `a ${block} ${number} ${whose(block as Cidr)}\n`),
    ...Array.from(entries.put.values(), entryLine),
  ]
  return `p ${meshPort}\n${lines.sort().join('')}`
}
