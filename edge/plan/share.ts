// How the agent's datagrams share WireGuard's port: rules that rewrite ports and nothing else, so that a NAT in front sees one
// socket and every frame takes the very way of WireGuard's packets.
//
// Frames of ours begin with 0xF0 'h' ('f' between nodes, 'r' with relays) and version 1; no WireGuard message does. An answer
// of STUN is told by its type and cookie (RFC 8489 §5), at bytes where WireGuard has its own type.
//
// Ports are changed nearest to the sockets: last of all as a packet comes in, first of all as one goes out. In between, the
// host's firewall, conntrack and NAT see WireGuard's own flow. So whatever lets WireGuard through lets frames through, a
// frame that goes out opens a stateful firewall for WireGuard's packets, and the other way round.

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

/** The chains of the own table that share the port. `name`: the mesh interface, inside which frames have no business. */
export function shareChains(
  { controlPort, listenPort }: SharedPort,
  name: string,
): readonly (readonly [string, readonly string[]])[] {
  const lead = (what: string): string =>
    `iifname != "${name}" udp dport ${listenPort} ${what} udp dport set ${controlPort}`
  return [
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
      ],
    ],
    [
      'share_out',
      [
        'type filter hook output priority raw; policy accept;',
        `oifname "${name}" udp sport ${controlPort} drop`,
        `udp sport ${controlPort} udp sport set ${listenPort}`,
      ],
    ],
  ]
}
