// A mesh in memory: doors of many nodes, with what lies between them lost, doubled, late, cut or garbled at will.

import type { Address } from '../../shared/address/cidr.ts'
import type { Clock, Entropy } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { gossipSilenceMsMax } from '../../shared/limits.ts'
import { createFramer, encodeFrame, type Frame } from '../../shared/wire/frames.ts'
import type { Caller, Channel, ChannelEvents, GossipDoor, GossipHost, Place } from './doors.ts'

export interface MeshWeather {
  /** Shares of datagrams, 0 to 1. */
  loss: number
  twice: number
  /** Of datagrams and of frames: some byte of them is another one. */
  garble: number
  delayMsMax: number
}

export interface FakeMesh {
  weather: MeshWeather
  /** Whether one may speak with the other there. */
  reach: (from: NodeId, to: NodeId, by: Place['type']) => boolean
  /** Datagrams and frames that passed: what a test counts. */
  readonly passed: { datagrams: number; frames: Frame[] }
  door(node: NodeId, clock: Clock, lanHost?: () => Address): GossipDoor
  /** The process behind the door died. */
  forget(node: NodeId): void
  /** A datagram of nobody, or of whoever it claims. */
  inject(bytes: Uint8Array, from: Address, to: NodeId): void
}

interface End {
  readonly node: NodeId
  readonly clock: Clock
  readonly lanHost: (() => Address) | undefined
  host: GossipHost | undefined
}

const DELAY_MS_MIN = 5

/** As the kernel chooses it: while a network is renumbered, the own address in the block that is asked, of sixteen bits here. */
function sourceFor(end: End, to: Address): Address | undefined {
  const own = end.host?.addresses() ?? []
  const block = to.split('.', 2).join('.')
  return own.find((address) => address.startsWith(`${block}.`)) ?? own[0]
}

export function createFakeMesh(entropy: Entropy): FakeMesh {
  const ends = new Map<NodeId, End>()
  const weather: MeshWeather = { loss: 0, twice: 0, garble: 0, delayMsMax: 20 }
  const delay = (): number => DELAY_MS_MIN + entropy.fraction() * mesh.weather.delayMsMax

  const at = (address: Address): End | undefined =>
    [...ends.values()].find((end) => end.host?.addresses().includes(address) === true)

  const garbled = (bytes: Uint8Array): Uint8Array => {
    if (entropy.fraction() >= mesh.weather.garble) return bytes
    const copy = bytes.slice()
    const where = Math.floor(entropy.fraction() * copy.length)
    copy[where] = (copy[where] ?? 0) ^ (1 << Math.floor(entropy.fraction() * 8))
    return copy
  }

  const deliver = (bytes: Uint8Array, from: End, to: End, address: Address): void => {
    const source = sourceFor(from, address)
    if (source === undefined || entropy.fraction() < mesh.weather.loss || !mesh.reach(from.node, to.node, 'mesh'))
      return
    const times = entropy.fraction() < mesh.weather.twice ? 2 : 1
    for (let i = 0; i < times; i++) {
      const heard = garbled(bytes)
      to.clock.after(delay(), () => to.host?.onDatagram(heard, source))
    }
    mesh.passed.datagrams += times
  }

  /** One direction of a channel: in order, at its own pace, through the very bytes that a wire would carry. */
  const pipe = (to: Clock, events: () => ChannelEvents | undefined) => {
    const framer = createFramer()
    let last = 0
    let closed = false
    const later = (run: () => void): void => {
      last = Math.max(last, to.monotonic() + delay())
      to.after(last - to.monotonic(), run)
    }
    const close = (why?: string): void => {
      if (closed) return
      closed = true
      events()?.onClosed(why)
    }
    return {
      close,
      hangUp: (why?: string) => later(() => close(why)),
      carry(frame: Frame): number {
        const bytes = garbled(encodeFrame(frame))
        mesh.passed.frames.push(frame)
        later(() => {
          if (closed) return
          try {
            for (const one of framer.push(bytes)) events()?.onFrame(one)
          } catch {
            close('not a frame')
          }
        })
        return bytes.length
      },
    }
  }

  const channels = (from: End, to: End, caller: Caller, events: ChannelEvents): Channel => {
    let theirs: ChannelEvents | undefined
    const there = pipe(to.clock, () => theirs)
    const back = pipe(from.clock, () => events)
    let bytes = 0
    let over = false
    const end = (mine: typeof there, other: typeof there): Channel => ({
      send(frame) {
        if (over || !mesh.reach(from.node, to.node, caller.type))
          return Promise.reject(new HoldfastError('unreachable', 'the channel is closed'))
        bytes += other.carry(frame)
        return Promise.resolve()
      },
      close() {
        over = true
        mine.close()
        other.hangUp()
      },
      bytes: () => bytes,
    })
    // Whoever dies says no goodbye.
    from.clock.after(gossipSilenceMsMax, () => back.close('the peer is silent'))
    to.clock.after(gossipSilenceMsMax, () => there.close('the peer is silent'))
    const mine = end(back, there)
    theirs = to.host?.onChannel(caller, end(there, back))
    if (theirs === undefined) {
      over = true
      back.hangUp('sent away')
    }
    return mine
  }

  const mesh: FakeMesh = {
    weather,
    reach: () => true,
    passed: { datagrams: 0, frames: [] },
    door(node, clock, lanHost) {
      const end: End = { node, clock, lanHost, host: undefined }
      ends.set(node, end)
      return {
        open(host) {
          end.host = host
        },
        send(bytes, to) {
          const other = at(to)
          if (other !== undefined) deliver(bytes, end, other, to)
        },
        async dial(place, events) {
          const other = place.type === 'mesh' ? at(place.address) : ends.get(place.node)
          const source = place.type === 'mesh' ? sourceFor(end, place.address) : end.host?.addresses()[0]
          const arrived = Promise.withResolvers<void>()
          clock.after(delay(), arrived.resolve)
          await arrived.promise
          const there = other?.host !== undefined && mesh.reach(node, other.node, place.type)
          const hostFits = place.type === 'mesh' || other?.lanHost?.() === place.host
          if (other === undefined || !there || !hostFits || source === undefined)
            throw new HoldfastError('unreachable', 'nobody answers')
          const caller: Caller = place.type === 'mesh' ? { type: 'mesh', address: source } : { type: 'lan', node }
          return channels(end, other, caller, events)
        },
        close() {
          end.host = undefined
          if (ends.get(node) === end) ends.delete(node)
          return Promise.resolve()
        },
      }
    },
    forget: (node) => void ends.delete(node),
    inject(bytes, from, to) {
      ends.get(to)?.host?.onDatagram(bytes, from)
    },
  }
  return mesh
}
