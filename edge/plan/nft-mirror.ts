// The text of the table that copies the mesh's packets to another device, at the two ends of the mesh's own: what comes in by
// it, and what is about to go out. Copies leave the packets as they are, whatever becomes of them. Deterministic, and whole.

import { type Cidr, contains, familyOf, sortCidrs } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Service } from '../../shared/policy/target.ts'
import { chain, IP } from './nft.ts'

export const mirrorTableName = 'holdfast_mirror'

export interface MirrorTable {
  /** Of the mesh. */
  readonly interface: string
  /** The device that copies go to. */
  readonly to: string
  /** The other ends; absent: whoever it is. None of them: nothing is copied. */
  readonly blocks?: readonly Cidr[]
  /** Of either end; none: all that there are. */
  readonly services: readonly Service[]
  /** Of both directions together; several segments that travel as one are one. */
  readonly packetsPerS: number
  /** Seconds since the Unix epoch from which on nothing is copied, also with the agent gone. */
  readonly untilS: number
}

type Side = 'saddr' | 'daddr'

/** Without what another has already: nft takes no sets whose elements overlap. */
function apart(blocks: readonly Cidr[]): readonly Cidr[] {
  const all = [...new Set(sortCidrs(blocks))]
  return all.filter((one) => !all.some((other) => other !== one && contains(other, one)))
}

function ends(blocks: readonly Cidr[], side: Side): readonly string[] {
  return ([4, 6] as const).flatMap((family) => {
    const found = apart(blocks.filter((block) => familyOf(block) === family))
    return found.length === 0 ? [] : [`${IP[family]} ${side} { ${found.join(', ')} } `]
  })
}

/** A flow is all of its packets, so the port may be that of either end. */
function kinds(services: readonly Service[]): readonly string[] {
  if (services.length === 0) return ['']
  const protocols = [...new Set(services.map(({ protocol }) => protocol))].sort(compareText)
  return protocols.flatMap((protocol) => {
    if (protocol === 'ICMP') return ['meta l4proto { icmp, ipv6-icmp } ']
    const ports = services.filter((one) => one.protocol === protocol).map(({ port }) => port)
    const list = [...new Set(ports)].sort((a, b) => a - b).join(', ')
    return ['sport', 'dport'].map((end) => `${protocol.toLowerCase()} ${end} { ${list} } `)
  })
}

function selected({ blocks, services, untilS }: MirrorTable, side: Side): readonly string[] {
  const rules = (blocks === undefined ? [''] : ends(blocks, side)).flatMap((end) =>
    kinds(services).map((kind) => `${end}${kind}goto copy`),
  )
  return [`meta time >= ${untilS} return`, ...rules]
}

export function renderMirrorTable(table: MirrorTable): string {
  const { interface: name, packetsPerS, to } = table
  const hook = (which: 'ingress' | 'egress'): string =>
    `type filter hook ${which} device "${name}" priority filter; policy accept;`
  return [
    `table netdev ${mirrorTableName} {\n`,
    // One for both directions.
    `\tlimit pace {\n\t\trate ${packetsPerS}/second burst ${Math.ceil(packetsPerS / 10)} packets\n\t}\n`,
    ...['copied', 'spared'].map((counter) => `\tcounter ${counter} {\n\t}\n`),
    chain('copy', [`limit name "pace" counter name "copied" dup to "${to}" return`, 'counter name "spared"']),
    chain('arrives', [hook('ingress'), ...selected(table, 'saddr')]),
    chain('leaves', [hook('egress'), ...selected(table, 'daddr')]),
    '}\n',
  ].join('')
}
