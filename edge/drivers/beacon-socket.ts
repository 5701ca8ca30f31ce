// Sockets for beacons: one per family, at one port of all addresses, because a broadcast reaches no socket that is bound to a
// single address. The port is shared with other agents of this host, each of which hears every broadcast.

import type { Socket } from 'node:dgram'
import { familyOf } from '../../shared/address/cidr.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { BeaconSocket } from '../lan/doors.ts'
import { type BeaconLink, beaconGroup } from '../lan/links.ts'
import { bindUdp } from './udp-socket.ts'

/** Bytes the kernel may keep for us: the answers of some hundred neighbours while a turn of planning runs. */
const RECEIVE_BUFFER = 1 << 18
/** Bytes that may wait where the kernel takes no more: beacons are repeated anyhow. */
const SEND_QUEUE_BYTES_MAX = 1 << 18

function bind(type: 'udp4' | 'udp6', port: number, log: Log): Promise<Socket> {
  return bindUdp({ type, port, receiveBufferBytes: RECEIVE_BUFFER, shared: true, name: 'the beacon socket', log })
}

export function createBeaconSocket(port: number, log: Log): BeaconSocket {
  let four: Socket | undefined
  let six: Socket | undefined
  let links: readonly BeaconLink[] = []
  const joined = new Set<string>()

  const send = (socket: Socket | undefined, bytes: Uint8Array, to: string): void => {
    if (socket === undefined || socket.getSendQueueSize() > SEND_QUEUE_BYTES_MAX) return
    try {
      socket.send(bytes, port, to, () => undefined)
    } catch (error) {
      log.debug('a beacon could not be sent', { to, why: describeError(error) })
    }
  }

  /** An interface that went and came back is another one to the kernel: the group is joined anew. */
  const join = (name: string): void => {
    const attempt = (what: 'addMembership' | 'dropMembership'): boolean => {
      try {
        six?.[what](beaconGroup, `::%${name}`)
        return true
      } catch (error) {
        log.debug('a link and the group of beacons', { link: name, what, why: describeError(error) })
        return false
      }
    }
    if (joined.has(name)) attempt('dropMembership')
    if (attempt('addMembership')) joined.add(name)
    else joined.delete(name)
  }

  return {
    async open(onMessage) {
      try {
        four = await bind('udp4', port, log)
        four.setBroadcast(true)
        six = await bind('udp6', port, log).catch(() => undefined)
        for (const socket of [four, six]) socket?.on('message', (bytes, { address }) => onMessage(bytes, address))
        return true
      } catch (error) {
        log.warn('no beacons: the port for them can’t be used', { port, why: describeError(error) })
        return false
      }
    },
    setLinks(next) {
      links = next
      if (six !== undefined) for (const link of links) join(link.interface)
    },
    broadcast(bytes) {
      for (const { broadcasts, interface: name } of links) {
        for (const address of broadcasts) send(four, bytes, address)
        send(six, bytes, `${beaconGroup}%${name}`)
      }
    },
    send: (bytes, to) => send(familyOf(to) === 4 ? four : six, bytes, to),
    async close() {
      const open = [four, six].filter((socket) => socket !== undefined)
      four = undefined
      six = undefined
      await Promise.all(open.map((socket) => new Promise<void>((resolve) => socket.close(resolve))))
    },
  }
}
