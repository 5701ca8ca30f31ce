// How the agent's datagrams share WireGuard's port: rules that rewrite ports and nothing else, so that a NAT in front sees one
// socket and every frame takes the very way of WireGuard's packets.
//
// Frames of ours begin with 0xF0 'h' ('f' between nodes, 'r' with relays) and version 1; no WireGuard message does. An answer
// of STUN is told by its type and cookie (RFC 8489 §5), at bytes where WireGuard has its own type. Both are led to the
// control port before conntrack sees them; what the control port sends leaves as WireGuard's. What comes from outside to
// the control port itself is nobody's.

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

/** A host that routes or relays for others leaves their packets alone, whatever their ports. */
const FOR_US = 'fib daddr type local'
const FROM_US = 'fib saddr type local'

/** The chains of the own table that share the port. */
export function shareChains({
  controlPort,
  listenPort,
}: SharedPort): readonly (readonly [string, readonly string[]])[] {
  const lead = (what: string): string =>
    `udp dport ${listenPort} ${what} ${FOR_US} notrack udp dport set ${controlPort}`
  return [
    [
      'share_in',
      [
        'type filter hook prerouting priority raw; policy accept;',
        `udp dport ${controlPort} ${FOR_US} drop`,
        lead(NODE_FRAME),
        lead(RELAY_FRAME),
        lead(STUN_ANSWER),
      ],
    ],
    ['share_mark', ['type filter hook output priority raw; policy accept;', `udp sport ${controlPort} notrack`]],
    [
      'share_out',
      [
        'type filter hook postrouting priority 150; policy accept;',
        `udp sport ${controlPort} ct state untracked ${FROM_US} udp sport set ${listenPort}`,
      ],
    ],
  ]
}
