// A provider that has IPv6 alone, and a translator to IPv4: what phones and more and more homes get. The router of a site does
// it by TAYGA, which translates addresses, and by its NAT of IPv4 behind it, which makes many of them one (RFC 6146).

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Net } from './net.ts'
import { waitFor } from './wait.ts'

/** Of the provider’s own addresses, which it may be (RFC 6052 §3.1). */
const translatorPrefix = '2001:db8:64::/96'
const IPV4_ONLY = '2001:db8:64::192.0.0.170'
/** What the translator calls the hosts of IPv6 on its way to the NAT. */
const POOL = '192.168.255.0/24'

const CONFIG = `tun-device nat64
ipv4-addr 192.168.255.1
ipv6-addr 2001:db8:6464::1
prefix ${translatorPrefix}
dynamic-pool ${POOL}
data-dir /run
`

/** IPv4 is gone from the link; the name server tells the prefix. The site has IPv6 already. */
export async function leaveOnlyIpv6(net: Net, site: string, name: string): Promise<void> {
  const [router, host] = [net.host(`${site}-router`), net.host(name)]
  writeFileSync(join(router.lib, 'tayga.conf'), CONFIG)
  await router.exec(['tayga', '--config', '/var/lib/tayga.conf', '--mktun'])
  await router.ip([`link set nat64 up`, `route add ${POOL} dev nat64`, `route add ${translatorPrefix} dev nat64`])
  await router.exec(['nft', '-f', '-'], {
    input: `add rule ip lab forward iifname "nat64" accept
add rule ip lab postrouting oifname "wan" ip saddr ${POOL} masquerade
add rule ip6 lab forward iifname "nat64" accept
`,
  })
  router.spawn(['tayga', '--config', '/var/lib/tayga.conf', '--nodetach'], 'tayga')
  await waitFor(
    'somebody is at the other end of the translator’s interface',
    async () => {
      const carrier = await router.exec(['cat', '/sys/class/net/nat64/carrier'])
      return carrier.trim() === '1' ? { done: true } : { notYet: 'nobody' }
    },
    { timeoutMs: 10_000, everyMs: 20 },
  )
  writeFileSync(join(host.lib, 'hosts'), `127.0.0.1 localhost\n${IPV4_ONLY} ipv4only.arpa\n`)
  await host.exec(['mount', '--bind', '/var/lib/hosts', '/etc/hosts'])
  await host.exec(['ip', '-4', 'address', 'flush', 'dev', 'eth0'])
}
