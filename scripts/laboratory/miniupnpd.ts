// Debian's miniupnpd on a router of the lab: maps ports by PCP and NAT-PMP, by UPnP, or by none, as routers at home do.
//
// It maps nothing to an outside address that is set aside for tests, so such a router gets one that is not. Nothing of
// the lab ever leaves this machine.

import { HoldfastError } from '../../shared/errors.ts'
import type { Host } from './host.ts'
import type { Net } from './net.ts'

interface Service {
  readonly pcp: boolean
  readonly upnp: boolean
  /** The outside address it takes for its own; the interface's where absent. */
  readonly believes?: string
}

export interface PortMapper {
  start(service: Service): Promise<void>
  /** As a router that restarts: what was mapped is forgotten. */
  stop(): Promise<void>
  /** The rules it made, as nft prints them. */
  rules(): Promise<string>
}

const CONFIG = '/run/miniupnpd.conf'
const PID = '/run/miniupnpd.pid'
const PORT = 5_000
/** Nobody's who is near: miniupnpd knows every block that is set aside. */
const REAL = '11.198.0.0/16'

/** Where miniupnpd puts its rules. Its own mappings come before the router's NAT inwards, and behind it outwards. */
const CHAINS = `
table inet miniupnpd
delete table inet miniupnpd
table inet miniupnpd {
  chain forward { type filter hook forward priority -10; jump miniupnpd; }
  chain prerouting { type nat hook prerouting priority dstnat - 10; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority srcnat + 10; jump postrouting_miniupnpd; }
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}
`

function configOf({ believes, pcp, upnp }: Service): string {
  const yes = (on: boolean): string => (on ? 'yes' : 'no')
  return [
    'ext_ifname=wan',
    ...(believes === undefined ? [] : [`ext_ip=${believes}`]),
    'listening_ip=lan',
    `http_port=${PORT}`,
    `enable_natpmp=${yes(pcp)}`,
    `enable_upnp=${yes(upnp)}`,
    'secure_mode=yes',
    'system_uptime=no',
    'notify_interval=60',
    'min_lifetime=120',
    'max_lifetime=86400',
    'uuid=3a2d9a10-6d0a-4c53-8f6e-0f1d6f7d8a01',
    'upnp_table_name=miniupnpd',
    'upnp_nat_table_name=miniupnpd',
    'upnp_forward_chain=miniupnpd',
    'upnp_nat_chain=prerouting_miniupnpd',
    'upnp_nat_postrouting_chain=postrouting_miniupnpd',
    'allow 1024-65535 192.168.0.0/16 1024-65535',
    'deny 0-65535 0.0.0.0/0 0-65535',
    '',
  ].join('\n')
}

export function createPortMapper(router: Host): PortMapper {
  return {
    async start(service) {
      await router.exec(['nft', '-f', '-'], { input: CHAINS })
      await router.exec(['tee', CONFIG], { input: configOf(service) })
      const daemon = router.spawn(['miniupnpd', '-d', '-f', CONFIG, '-P', PID], 'miniupnpd')
      const died = daemon.exited.then((code) => {
        throw new HoldfastError('failed', `miniupnpd ended with ${code}`)
      })
      // Later it is stopped, and nobody waits.
      died.catch(() => undefined)
      await Promise.race([daemon.said(/listening (?:on|for) /i), died])
    },
    async stop() {
      await router.exec(['sh', '-c', `kill -KILL "$(cat ${PID})"`])
      await router.exec(['nft', '-f', '-'], { input: CHAINS })
    },
    rules: () => router.exec(['nft', 'list', 'table', 'inet', 'miniupnpd']),
  }
}

/** Gives a site an outside address that is not set aside for tests, and leads everybody out there to it. */
export async function giveRealAddress(net: Net, site: string, address: string): Promise<void> {
  await net
    .host(`${site}-router`)
    .ip(['address flush dev wan', `address add ${address}/32 dev wan`, 'route replace 198.18.0.0/16 dev wan'])
  const edges = net.topology.sites.map(
    ({ carrierNat, name }) => `${name}-${carrierNat === true ? 'carrier' : 'router'}`,
  )
  const outside = [
    ...net.topology.internet.map((name) => [name, 'eth0'] as const),
    ...edges.map((name) => [name, 'wan'] as const),
  ]
  await Promise.all(outside.map(([name, device]) => net.host(name).ip([`route replace ${REAL} dev ${device}`])))
}
