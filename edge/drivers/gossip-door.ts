// The door of gossip on a real host: datagrams beside the echo service's, connections through the tunnel, and on the LAN.

import type { Socket } from 'node:net'
import { type Address, familyOf } from '../../shared/address/cidr.ts'
import type { Caller, ChannelEvents, GossipDoor, GossipHost, GossipSelf } from '../gossip/doors.ts'
import { channelOf, type OpenChannel } from './gossip-channel.ts'
import { dialLan, type LanListener, openLanListener } from './gossip-lan.ts'
import { dialMesh, type MeshListeners, openMeshListeners } from './gossip-mesh.ts'
import { hostSockets, type Sockets } from './namespace.ts'

export interface GossipDoorOptions extends GossipSelf {
  readonly meshPort: number
  /** Absent where this host stays silent on its links. */
  readonly lanPort?: number | undefined
  /** On the LAN it calls and is not called: the port is that of the host's first network. */
  readonly onlyCalls?: boolean | undefined
  /** Absent where the mesh is in the host's own network namespace. */
  readonly inside?: Sockets | undefined
}

export function createGossipDoor(options: GossipDoorOptions): GossipDoor {
  const { clock, datagrams, inside = hostSockets, lanPort, log, meshPort } = options
  const channels = new Set<OpenChannel>()
  let host: GossipHost | undefined
  let mesh: MeshListeners | undefined
  let lan: LanListener | undefined

  const open = (socket: Socket): OpenChannel => {
    const channel = channelOf(socket, clock)
    channels.add(channel)
    socket.once('close', () => channels.delete(channel))
    return channel
  }

  const admit = (socket: Socket, caller: Caller): void => {
    const channel = open(socket)
    const events: ChannelEvents | undefined = host?.onChannel(caller, channel)
    if (events === undefined) channel.destroy()
    else channel.attach(events)
  }

  return {
    open(to) {
      host = to
      datagrams.listen((bytes, from) => to.onDatagram(bytes, from as Address))
      mesh = openMeshListeners({
        port: meshPort,
        clock,
        inside,
        log,
        addresses: to.addresses,
        onSocket: (socket, from) => admit(socket, { type: 'mesh', address: from }),
      })
      if (lanPort === undefined || options.onlyCalls === true) return
      lan = openLanListener({ ...options, port: lanPort }, to, (socket, node) => admit(socket, { type: 'lan', node }))
    },
    send: (bytes, to) => datagrams.send(bytes, to),
    async dial(place, events) {
      if (place.type === 'lan') {
        const channel = open(
          await dialLan({ ...options, port: lanPort ?? 0 }, { keyOf: (node) => host?.keyOf(node) }, place),
        )
        channel.attach(events)
        return channel
      }
      const own = host?.addresses().find((address) => familyOf(address) === familyOf(place.address))
      const channel = open(await dialMesh(inside, place.address, meshPort, own, clock))
      channel.attach(events)
      return channel
    },
    async close() {
      host = undefined
      lan?.close()
      for (const channel of channels) channel.destroy()
      await mesh?.close()
    },
  }
}
