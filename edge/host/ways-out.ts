// By which ways packets and connections of the agent leave this host: the uplink that is chosen, and the translator to IPv4 where
// the network has one.

import type { Clock, Log } from '../../shared/effects.ts'
import type { AgentOptions } from '../agent.ts'
import type { Driver } from '../drivers/driver.ts'
import type { GossipDoor, GossipSelf } from '../gossip/doors.ts'
import type { BeaconSocket } from '../lan/doors.ts'
import { driverThrough, socketThrough, tlsThrough, wayOutThrough, wireguardThrough } from '../nat64/doors.ts'
import { createNat64, type Nat64 } from '../nat64/nat64.ts'
import { prefixOf } from '../nat64/setting.ts'
import type { PathDoors } from '../paths/doors.ts'
import type { PodDoors } from '../pods/doors.ts'
import type { Store } from '../store/store.ts'
import type { UplinkDoors } from '../uplinks/doors.ts'
import { createWayOut, type FindWayOut, type WayOut } from '../uplinks/way-out.ts'
import { createKeptNames } from './kept-names.ts'
import { resolveIpv6, resolveName } from './resolve.ts'

/** What main.ts makes of the doors that paths and beacons need. */
export type HostPathDoors = Pick<PathDoors, 'socket' | 'wireguard' | 'tls'> &
  Required<Pick<AgentOptions, 'portMapping' | 'mirror'>> & {
    readonly beacons: BeaconSocket
    readonly uplinks: UplinkDoors
    readonly gossip: (self: GossipSelf) => GossipDoor
    readonly pods: PodDoors | undefined
    readonly names: AgentOptions['names']
    readonly asks: Pick<AgentOptions, 'services' | 'echoes'>
  }

export interface WaysOutOptions {
  readonly clock: Clock
  readonly log: Log
  /** As it is set for this device. */
  readonly nat64: string
  readonly open: (out: FindWayOut) => Promise<HostPathDoors>
  readonly store: Pick<Store, 'get' | 'set'>
  readonly kernel: Driver
}

export interface WaysOut {
  readonly driver: Driver
  readonly made: HostPathDoors
  readonly nat64: Nat64 | undefined
  readonly out: FindWayOut
  readonly resolve: NonNullable<AgentOptions['resolve']>
  readonly wayOut: WayOut
}

function doorsThrough(nat64: Nat64, { socket, tls, wireguard, ...rest }: HostPathDoors): HostPathDoors {
  return {
    ...rest,
    socket: socketThrough(nat64, socket),
    wireguard: wireguardThrough(nat64, wireguard),
    ...(tls === undefined ? {} : { tls: tlsThrough(nat64, tls) }),
  }
}

export async function openWaysOut(options: WaysOutOptions): Promise<WaysOut> {
  const { clock, kernel, log, nat64: setting, open } = options
  const wayOut = createWayOut()
  if (setting === 'off') {
    const names = createKeptNames({ ...options, ask: resolveName })
    const out = names.through(wayOut.find)
    return { driver: kernel, made: await open(out), nat64: undefined, out, resolve: names.resolve, wayOut }
  }
  const nat64 = createNat64({
    prefix: prefixOf(setting),
    ask: resolveIpv6,
    routes: () => direct.uplinks.routes(),
    clock,
    log,
  })
  const names = createKeptNames({
    ...options,
    // A name server of such a network makes addresses of IPv6 for names that have none: both are one place.
    ask: async (name) => [...new Set((await resolveName(name)).map((address) => nat64.inHost(address)))],
  })
  const out = wayOutThrough(nat64, names.through(wayOut.find))
  const direct = await open(out)
  const [driver, made] = [driverThrough(nat64, kernel), doorsThrough(nat64, direct)]
  return { driver, made, nat64, out, resolve: names.resolve, wayOut }
}
