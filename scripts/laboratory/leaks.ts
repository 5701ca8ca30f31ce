// What a device that goes out by others lets out by its own uplink, as the router at its site sees it.

import type { Fleet } from './fleet.ts'
import { expect } from './unmet.ts'

export interface Watched {
  readonly client: string
  /** Whom it may speak with. */
  readonly hub: string
  /** Its port that is forwarded to it. */
  readonly served: number
}

/** Whatever the device sends to the internet besides its own words is kept in a set of the router, whoever it is for. */
export const leakWatch = ({ client, hub, served }: Watched): string => `
table inet watch {
  set leaks { type ipv4_addr . inet_proto; flags dynamic; size 1024; }
  set leaks6 { type ipv6_addr . inet_proto; flags dynamic; size 1024; }
  chain seen {
    type filter hook prerouting priority -350
    iifname "lan" ip saddr ${client} ip daddr 198.18.0.0/15 goto judge
    iifname "lan" ip6 daddr 2001:db8:1::/64 accept
    iifname "lan" ip6 daddr 2000::/3 udp sport 51820 accept
    iifname "lan" ip6 daddr 2000::/3 add @leaks6 { ip6 daddr . meta l4proto }
  }
  chain judge {
    udp sport 51820 accept
    ip daddr ${hub} tcp dport { 8443, 8883 } accept
    tcp sport ${served} accept
    add @leaks { ip daddr . meta l4proto }
  }
}
`

async function leaks(fleet: Fleet): Promise<string> {
  const router = fleet.net.host('alpha-router')
  const seen = await Promise.all(
    ['leaks', 'leaks6'].map((set) => router.exec(['nft', 'list', 'set', 'inet', 'watch', set])),
  )
  return seen.flatMap((text) => /elements = \{([^}]*)\}/.exec(text)?.[1] ?? []).join(', ')
}

/** What was seen so far is forgotten. */
export async function forgetLeaks(fleet: Fleet): Promise<void> {
  const router = fleet.net.host('alpha-router')
  await Promise.all(['leaks', 'leaks6'].map((set) => router.exec(['nft', 'flush', 'set', 'inet', 'watch', set])))
}

/** Throws where something was seen. */
export async function expectNoLeak(fleet: Fleet): Promise<void> {
  const seen = await leaks(fleet)
  expect(seen === '', 'nothing but own words at the router', seen)
}
