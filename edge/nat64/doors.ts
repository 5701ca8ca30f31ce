// The doors that packets leave by, with a translator behind them: everybody before them speaks of IPv4 endpoints alone.

import type { Driver } from '../drivers/driver.ts'
import type { FrameSocket, TlsDoors, WireguardDoor } from '../paths/doors.ts'
import type { ObservedPeer } from '../plan/observed.ts'
import type { Op } from '../plan/op.ts'
import type { FindWayOut } from '../uplinks/way-out.ts'
import type { Nat64 } from './nat64.ts'

function peerIn(nat64: Nat64, peer: ObservedPeer): ObservedPeer {
  return peer.endpoint === undefined ? peer : { ...peer, endpoint: nat64.in(peer.endpoint) }
}

/** Each read tells where the host stands now. */
export function driverThrough(nat64: Nat64, driver: Driver): Driver {
  const out = (op: Op): Op =>
    op.op === 'peer-set' && op.endpoint !== undefined ? { ...op, endpoint: nat64.out(op.endpoint) } : op
  return {
    ...driver,
    async read() {
      const observed = await driver.read()
      nat64.follow(observed.local)
      const { device } = observed
      if (nat64.prefix() === undefined || device === undefined) return observed
      return { ...observed, device: { ...device, peers: device.peers.map((peer) => peerIn(nat64, peer)) } }
    },
    apply: (ops) => driver.apply(nat64.prefix() === undefined ? ops : ops.map(out)),
  }
}

export function wireguardThrough(nat64: Nat64, door: WireguardDoor): WireguardDoor {
  return {
    ...door,
    async peers() {
      const peers = await door.peers()
      return nat64.prefix() === undefined ? peers : peers.map((peer) => peerIn(nat64, peer))
    },
    cover: (leaves, endpoint) => door.cover(nat64.out(leaves), nat64.out(endpoint)),
    point: (endpoints) => door.point(new Map([...endpoints].map(([peer, at]) => [peer, nat64.out(at)]))),
  }
}

export function socketThrough(nat64: Nat64, socket: FrameSocket): FrameSocket {
  return {
    ...socket,
    open: (onMessage) => socket.open((bytes, from) => onMessage(bytes, nat64.in(from))),
    send: (bytes, to, ttl) => socket.send(bytes, nat64.out(to), ttl),
  }
}

export function tlsThrough(nat64: Nat64, doors: TlsDoors): TlsDoors {
  return { ...doors, dial: (target, events) => doors.dial({ ...target, host: nat64.outHost(target.host) }, events) }
}

/** For connections to what is written as an address of IPv4: names are for DNS64 (RFC 6147). */
export function wayOutThrough(nat64: Nat64, find: FindWayOut): FindWayOut {
  return async (host, port) => {
    const by = await find(host, port)
    const address = nat64.outHost(by?.address ?? host)
    return by === undefined && address === host ? undefined : { ...by, address }
  }
}
