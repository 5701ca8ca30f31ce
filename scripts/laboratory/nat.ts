// The NAT routers of the world outside, as nft rulesets: what a router does to a mesh depends on how it maps and filters.

import type { Cidr } from '../../shared/address/cidr.ts'

/**
 * `eim`: one mapping per inside socket whoever it talks to (RFC 4787 §4.1), answers from those talked to only.
 * `port-preserving`: Linux as a home router: keeps the port, but two insiders with the same port and destination collide,
 * and the second gets a mapping for that destination alone.
 * `symmetric`: another mapping for every destination: carrier-grade NAT and strict firewalls.
 * `udp-blocked`: an office network that lets TCP out. `https-only`: one that lets nothing but TCP 443 out.
 */
export type NatKind = 'eim' | 'port-preserving' | 'symmetric' | 'udp-blocked' | 'https-only'

/** A port of the router's outside address that leads to a host inside. */
interface PortForward {
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
  /** Address of the host inside. */
  readonly to: string
}

export interface NatRouter {
  readonly kind: NatKind
  readonly lan: Cidr
  readonly forwards: readonly PortForward[]
}

/** What may go out, as statements of the forward chain. */
const EGRESS: Readonly<Record<NatKind, string>> = {
  eim: 'iifname "lan" accept',
  'port-preserving': 'iifname "lan" accept',
  symmetric: 'iifname "lan" accept',
  'udp-blocked': 'iifname "lan" meta l4proto != udp accept',
  'https-only': 'iifname "lan" tcp dport 443 accept',
}

/** Outside ports of mappings, in the order in which insiders first speak; forwarded ones are below. */
const MAPPED = { first: 40_000, count: 1_000 }
/** By number: nft counts in the order of bytes that this processor has, and ports have the network's. */
const MAPPINGS = [
  '  map mappings {',
  '    type ipv4_addr . inet_service : mark',
  '    flags dynamic',
  `    size ${MAPPED.count}`,
  '  }',
  '  map ports {',
  '    type mark : inet_service',
  `    elements = { ${Array.from({ length: MAPPED.count }, (_, i) => `${i} : ${MAPPED.first + i}`).join(', ')} }`,
  '  }',
]

/** An inside socket gets its outside port with its first packet and keeps it; one that a port is forwarded to has that. */
function eimMappings(forwards: readonly PortForward[]): readonly string[] {
  const from = 'ip saddr . udp sport'
  const forwarded = forwards.filter(({ protocol }) => protocol === 'udp')
  return [
    ...forwarded.map(
      ({ port, to }) => `    oifname "wan" ip saddr ${to} udp sport ${port} masquerade to :${port} persistent`,
    ),
    `    oifname "wan" meta l4proto udp add @mappings { ${from} : numgen inc mod ${MAPPED.count} }`,
    `    oifname "wan" meta mark set ${from} map @mappings masquerade to :meta mark map @ports persistent`,
  ]
}

/**
 * Interfaces of the router are `wan` and `lan`. What arrives from the wan for the router itself is dropped: otherwise
 * an early probe of a peer leaves a conntrack entry behind that changes the mapping of the answer.
 */
export function natRuleset({ forwards, kind, lan }: NatRouter): string {
  const dnat = forwards.map(({ protocol, port, to }) => `    iifname "wan" ${protocol} dport ${port} dnat to ${to}`)
  return [
    'table ip lab {',
    ...(kind === 'eim' ? MAPPINGS : []),
    '  chain prerouting {',
    '    type nat hook prerouting priority dstnat',
    ...dnat,
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat',
    ...(kind === 'eim' ? eimMappings(forwards) : []),
    `    oifname "wan" ip saddr ${lan} masquerade ${kind === 'symmetric' ? 'fully-random' : 'persistent'}`,
    '  }',
    '  chain input {',
    '    type filter hook input priority filter',
    '    iifname "wan" drop',
    '  }',
    '  chain forward {',
    '    type filter hook forward priority filter',
    '    policy drop',
    '    ct state established,related accept',
    '    ct status dnat accept',
    `    ${EGRESS[kind]}`,
    '  }',
    '}',
    '',
  ].join('\n')
}
