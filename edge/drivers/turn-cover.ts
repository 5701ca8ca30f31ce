// While a peer is turned from one working path to another, its packets still on the old one would make WireGuard roam back:
// they are the newest it hears. For a second they are made to come from the new endpoint, by a table of its own that
// holds nothing but elements with a timeout.
//
// WireGuard's data messages only (type 4 and three zeros): the frames that measure the old path must stay what they are.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { type Endpoint, hostOf, portOf } from '../../shared/address/endpoint.ts'
import type { Run } from './command.ts'

const TABLE = 'holdfast_turn'
/** Longer than a round trip over a satellite. */
const COVER_S = 1
const CLEAR = `add table inet ${TABLE}\ndelete table inet ${TABLE}\n`

function family(endpoint: Endpoint): 4 | 6 {
  return familyOf(hostOf(endpoint) as Address)
}

/** Maps are keyed by where a packet comes from; the second is asked when the first has rewritten the address. */
function coverRules(listenPort: number): string {
  const chainOf = (words: string, bits: 4 | 6): readonly string[] => {
    const match = `udp dport ${listenPort} @th,64,32 0x04000000`
    return [
      `add map inet ${TABLE} to_address${bits} { type ipv${bits}_addr . inet_service : ipv${bits}_addr; flags timeout; }`,
      `add map inet ${TABLE} to_port${bits} { type ipv${bits}_addr . inet_service : inet_service; flags timeout; }`,
      `add rule inet ${TABLE} arrive ${match} ${words} saddr set ${words} saddr . udp sport map @to_address${bits}`,
      `add rule inet ${TABLE} arrive ${match} udp sport set ${words} saddr . udp sport map @to_port${bits}`,
    ]
  }
  return [
    `add table inet ${TABLE}`,
    // Before conntrack, at -200: a firewall of the host has to see the flow that WireGuard sees.
    `add chain inet ${TABLE} arrive { type filter hook prerouting priority -310; policy accept; }`,
    `flush chain inet ${TABLE} arrive`,
    ...chainOf('ip', 4),
    ...chainOf('ip6', 6),
    '',
  ].join('\n')
}

function coverElements(leaves: Endpoint, endpoint: Endpoint): string {
  const bits = family(leaves)
  const [from, to] = [hostOf(leaves), hostOf(endpoint)]
  const [fromPort, toPort] = [portOf(leaves), portOf(endpoint)]
  const element = (map: string, host: string, value: string): string =>
    `add element inet ${TABLE} ${map}${bits} { ${host} . ${fromPort} timeout ${COVER_S}s : ${value} }`
  return `${element('to_address', from, to)}\n${element('to_port', to, String(toPort))}\n`
}

/** Nothing where the two are of different families: then the peer is turned without. */
export type TurnCover = (leaves: Endpoint, endpoint: Endpoint) => Promise<void>

/** Removes the table, with whatever an earlier run left. */
export async function removeTurnCover(run: Run): Promise<void> {
  await run('nft', ['-f', '-'], { input: CLEAR })
}

export function createTurnCover(listenPort: number, run: Run): TurnCover {
  return async (leaves, endpoint) => {
    if (family(leaves) !== family(endpoint)) return
    await run('nft', ['-f', '-'], { input: coverRules(listenPort) + coverElements(leaves, endpoint) })
  }
}
