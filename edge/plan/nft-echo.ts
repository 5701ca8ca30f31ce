// Echoes by which others prove that this node forwards: to an own address, with the mark and the identifier of a probe, and from
// there to the machine behind it that intent names, as any other packet. Nobody but members of the mesh can send one, and nothing
// but an echo comes to that machine.

import { familyOf } from '../../shared/address/cidr.ts'
import { toHex, utf8 } from '../../shared/bytes.ts'
import { probeMark } from '../../shared/intent/route-probe.ts'
import { echoesPerSMax } from '../../shared/route-limits.ts'
import type { Forward } from './enforcement.ts'

const ASKS = { 4: 'icmp type echo-request', 6: 'icmpv6 type echo-request' } as const
const ID = { 4: 'icmp id', 6: 'icmpv6 id' } as const
const IP = { 4: 'ip', 6: 'ip6' } as const
/** The mark lies behind the 8 bytes of the header. */
const MARKED = `@th,64,64 0x${toHex(utf8(probeMark))}`

interface Leads {
  readonly interface: string
  readonly forwards: readonly Forward[]
}

/** Each once: several routes may ask for one machine. */
function probesOf({ forwards }: Leads): readonly NonNullable<Forward['probe']>[] {
  const byId = new Map(
    forwards.flatMap(({ probe }) => (probe === undefined ? [] : [[`${probe.at} ${probe.id}`, probe]])),
  )
  return [...byId.values()]
}

/** For the chain that changes destinations of what comes in. */
export function echoLines(input: Leads): readonly string[] {
  return probesOf(input).map(({ at, id, target }) => {
    const family = familyOf(at)
    const asked = `${IP[family]} daddr ${at} ${ASKS[family]} ${ID[family]} ${id} ${MARKED}`
    return `iifname "${input.interface}" ${asked} dnat ${IP[family]} to ${target}`
  })
}

/**
 * This node never answers one itself, which would prove nothing: what was led nowhere is dropped. And the machine behind it is
 * not to be flooded by this way.
 */
export function echoRoomLines(input: Leads): readonly (readonly [string, readonly string[]])[] {
  const probes = probesOf(input)
  const own = [...new Set(probes.map(({ at }) => at))]
  if (own.length === 0) return []
  const all = own.map((at) => familyOf(at))
  const isAsked = (prefix: string): readonly string[] =>
    own.map(
      (at) => `iifname "${input.interface}" ${prefix}${IP[familyOf(at)]} daddr ${at} ${ASKS[familyOf(at)]} ${MARKED}`,
    )
  return [
    [
      'echo_here',
      [
        'type filter hook input priority filter - 2; policy accept;',
        ...new Set(all.map((family) => `iifname "${input.interface}" ${ASKS[family]} ${MARKED} drop`)),
      ],
    ],
    [
      'echo_on',
      [
        'type filter hook forward priority filter - 2; policy accept;',
        ...isAsked('ct original ').map(
          (line) => `${line} limit rate over ${echoesPerSMax}/second burst 100 packets drop`,
        ),
      ],
    ],
  ]
}

/** For the table of policy: an echo is judged as what it is, one to this very node. */
export function judgedHere(input: Leads): readonly string[] {
  return [...new Set(probesOf(input).map(({ at }) => at))].map(
    (at) =>
      `iifname "${input.interface}" ct original ${IP[familyOf(at)]} daddr ${at} ${ASKS[familyOf(at)]} ${MARKED} goto ingress`,
  )
}
