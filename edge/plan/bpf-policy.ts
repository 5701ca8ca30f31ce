// Policy as the text of a table for the kernel's own programs (bpf/loader/policy-table.c): deterministic and whole.

import { type Cidr, familyOf, hostCidr } from '../../shared/address/cidr.ts'
import { emptyTable, type FlatEntry, tableChange } from '../../shared/policy/table.ts'
import { blockInMesh, type Enforcement, type Phase } from './enforcement.ts'

function entryLine({ local, identity, direction, protocol, ...entry }: FlatEntry): string {
  const { auditCookie, auditVerdict, cookie, port, portBits, verdict } = entry
  const audit = auditVerdict === verdict ? 0 : auditCookie
  const way = direction === 'ingress' ? 'in' : 'out'
  return `e ${local} ${identity} ${way} ${protocol} ${port}/${portBits} ${verdict} ${cookie} ${audit}\n`
}

/** What has the length of an address is one: of a node, for nothing else is known here. A block of a policy may be, too. */
function isHost(block: Cidr): boolean {
  return block.endsWith(familyOf(block) === 4 ? '/32' : '/128')
}

function localLines({ forwards, self }: Enforcement, { locals }: Phase['table']): readonly string[] {
  const own = self === undefined ? undefined : locals.get(self)
  if (own === undefined) return []
  return [
    ...Array.from(
      locals,
      ([address, number]) => `l ${hostCidr(address)} ${number} ${number === own ? 'node' : 'behind'}\n`,
    ),
    ...forwards
      // An address that judges for itself does so.
      .filter((forward) => ![...locals.keys()].some((address) => hostCidr(address) === blockInMesh(forward)))
      .map((forward) => `l ${blockInMesh(forward)} ${own} ${forward.nat === 'masquerade' ? 'masked' : 'behind'}\n`),
  ]
}

/** `table`: of the phase that holds. */
export function renderBpfTable(policy: Enforcement, table: Phase['table']): string {
  const { addresses, entries } = tableChange(emptyTable, table)
  const lines = [
    ...localLines(policy, table),
    ...Array.from(
      addresses.put,
      ([block, number]) => `a ${block} ${number} ${isHost(block as Cidr) ? 'node' : 'behind'}\n`,
    ),
    ...Array.from(entries.put.values(), entryLine),
  ]
  return `p ${policy.meshPort}\n${lines.sort().join('')}.\n`
}
