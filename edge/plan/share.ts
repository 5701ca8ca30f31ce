// How the agent's datagrams share WireGuard's port: rules that rewrite ports and nothing else, so that a NAT in front sees one
// socket and every frame takes the very way of WireGuard's packets.
//
// Frames of ours begin with 0xF0 'h' ('f' between nodes, 'r' with relays) and version 1; no WireGuard message does. An answer
// of STUN is told by its type and cookie (RFC 8489 §5), at bytes where WireGuard has its own type.
//
// Ports are changed nearest to the sockets: last of all as a packet comes in, first of all as one goes out. In between, the
// host's firewall, conntrack and NAT see WireGuard's own flow. So whatever lets WireGuard through lets frames through, a
// frame that goes out opens a stateful firewall for WireGuard's packets, and the other way round.
//
// The agent is one process, and anybody can send it frames. So the kernel keeps what it may be asked in a second: whom it
// spoke to lately is heard whatever others send, strangers share the rest, and what is no message of WireGuard's
// either goes to nobody.

export interface SharedPort {
  /** WireGuard's. */
  readonly listenPort: number
  /** The agent's own; never seen outside this host. */
  readonly controlPort: number
}

/** First 32 bits of a frame, behind the 8 bytes of the UDP header. */
const NODE_FRAME = '@th,64,32 0xf0686601'
const RELAY_FRAME = '@th,64,32 0xf0687201'
/** Binding success response, and the magic cookie. */
const STUN_ANSWER = '@th,64,16 0x0101 @th,96,32 0x2112a442'

/** Before conntrack joins fragments (-400). */
const FIRST = -450
/** After filters (0) and NAT (100), before the socket is looked up. */
const LAST = 200

/** None of the first words of WireGuard's four messages. */
const NOT_WIREGUARD = '@th,64,32 != { 0x01000000, 0x02000000, 0x03000000, 0x04000000 }'
/** Endpoints and addresses that are remembered: a thousand peers with a dozen candidates each. A full set learns no more. */
const REMEMBERED_MAX = 16_384
/** Frames a second from one endpoint that this node speaks to: a burst of probes, their answers, and somebody's jokes. */
const KNOWN_RATE = 'limit rate 300/second burst 300 packets'
/** From an address it does not: a site that comes back, of which each device is known with the first answer. */
const STRANGER_RATE = 'limit rate over 50/second burst 100 packets'
/** From all of these together, true or made up: two hundredths of a slow core. */
const STRANGERS_RATE = 'limit rate over 1000/second burst 500 packets'

/**
 * What looks like WireGuard's, of flows that WireGuard has said nothing in yet: handshakes, and peers that come from a new
 * place with a transfer under way. Without it junk fills the socket's buffer, and what peers send gets no room there.
 */
const NEWCOMERS_RATE = 'limit rate over 2000/second burst 1000 packets'

/** What the kernel remembers by itself, emptied when the table is laid anew: the next frames fill it. */
export const shareSets: readonly string[] = [4, 6].flatMap((family) => [
  `set share_known${family} { type ipv${family}_addr . inet_service; size ${REMEMBERED_MAX}; flags dynamic,timeout; timeout 3m; ${KNOWN_RATE}; }`,
  `set share_asker${family} { type ipv${family}_addr; size ${REMEMBERED_MAX}; flags dynamic,timeout; timeout 1m; }`,
])

/** The chains of the own table that share the port. `name`: the mesh interface, inside which frames have no business. */
export function shareChains(
  { controlPort, listenPort }: SharedPort,
  name: string,
): readonly (readonly [string, readonly string[]])[] {
  const outside = `iifname != "${name}" udp dport ${listenPort}`
  const lead = (what: string): string => `${outside} ${what} goto share_frame`
  return [
    [
      'share_frame',
      [
        `ip saddr . udp sport @share_known4 udp dport set ${controlPort} accept`,
        `ip6 saddr . udp sport @share_known6 udp dport set ${controlPort} accept`,
        `update @share_asker4 { ip saddr ${STRANGER_RATE} } counter drop`,
        `update @share_asker6 { ip6 saddr and ffff:ffff:ffff:ffff:: ${STRANGER_RATE} } counter drop`,
        `${STRANGERS_RATE} counter drop`,
        `udp dport set ${controlPort}`,
      ],
    ],
    [
      'share_whole',
      [
        `type filter hook prerouting priority ${FIRST}; policy accept;`,
        // A frame counts only if it came in one piece: so an answer to a large one proves what the path carries, whoever on
        // the way, or at its start, would have cut it up.
        `iifname != "${name}" ip frag-off & 0x3fff != 0 udp dport ${listenPort} ${NODE_FRAME} drop`,
        `iifname != "${name}" exthdr frag exists udp dport ${listenPort} ${NODE_FRAME} drop`,
      ],
    ],
    [
      'share_in',
      [
        `type filter hook input priority ${LAST}; policy accept;`,
        // What is addressed to the control port itself is nobody's.
        `udp dport ${controlPort} drop`,
        lead(NODE_FRAME),
        lead(RELAY_FRAME),
        lead(STUN_ANSWER),
        `${outside} ${NOT_WIREGUARD} counter drop`,
        `${outside} ct state new ${NEWCOMERS_RATE} counter drop`,
      ],
    ],
    [
      'share_out',
      [
        'type filter hook output priority raw; policy accept;',
        `oifname "${name}" udp sport ${controlPort} drop`,
        `udp sport ${controlPort} update @share_known4 { ip daddr . udp dport }`,
        `udp sport ${controlPort} update @share_known6 { ip6 daddr . udp dport }`,
        `udp sport ${controlPort} udp sport set ${listenPort}`,
      ],
    ],
  ]
}
