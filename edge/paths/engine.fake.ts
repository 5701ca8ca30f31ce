// Two hosts with an engine each, in virtual time: real frames with real keys over ways that are cut and mended, a
// WireGuard that roams as the real one does, a relay that binds when asked, and the loop's turns.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import type { Fact } from '../../shared/fact/fact.ts'
import { hkdf, openAead, sealAead, sha256, sharedSecretWith } from '../../shared/host/crypto.ts'
import { parseNodeId } from '../../shared/ids.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import { createFakeRelayClient } from '../relay/client.fake.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { HeldFact } from '../store/store.ts'
import type { FrameSocket } from './doors.ts'
import { createPathEngine } from './engine.ts'
import { type FakeHost, fakeWireguard, makeHost, makeKeys, type Side } from './engine-host.fake.ts'
import { initiationFor, isInitiation } from './initiation.ts'
import { createNames } from './names.ts'
import type { PathEngine } from './path-engine.ts'
import { createPathSizes } from './path-sizes.ts'
import { createPathTalk } from './talk.ts'

const SIDES = ['a', 'b'] as const
const OTHER: Readonly<Record<Side, Side>> = { a: 'b', b: 'a' }

/** A way between the hosts: where each finds the other. */
export interface Way {
  readonly at: Readonly<Record<Side, Endpoint>>
  readonly delayMs: number
  up: boolean
  /** Longest frame that gets through; all where absent. */
  framesMax?: number
}

export interface World {
  readonly clock: FakeClock
  readonly a: FakeHost
  readonly b: FakeHost
  readonly ways: Way[]
  /** The relay binds and forwards. */
  relayUp: boolean
  /** Where the relay sees each host come from. */
  readonly seenAs: Readonly<Record<Side, Endpoint>>
  run(ms: number): Promise<void>
  /** One packet of payload. */
  send(from: Side): void
  /** The loop tells what it knows. */
  turn(side: Side): void
  /** Puts bytes on the wire that `to` receives as coming from `from`. */
  inject(to: Side, from: Endpoint, bytes: Uint8Array): void
  /** Every frame that was sent, the newest last. */
  readonly sent: { readonly side: Side; readonly to: Endpoint; readonly bytes: Uint8Array; readonly ttl?: number }[]
  restart(side: Side): Promise<void>
}

export const RELAY_NODE = parseNodeId('rrrrrrrrrrrrrrrr')
export const RELAY_WAY = '198.51.100.1:61000' as Endpoint
/** Where peers that rest are parked. */
export const PARKING = '127.0.0.1:4000' as Endpoint
const RELAY: NodeBody = {
  nodeId: RELAY_NODE,
  name: 'relay-1',
  labels: {},
  publicEndpoint: '198.51.100.1:51820',
  relay: { port: 3_478 },
} as unknown as NodeBody

export function makeWorld(): World {
  const clock = new FakeClock()
  const ways: Way[] = []
  const sent: World['sent'] = []
  const privateKeys = makeKeys()
  const wakers = new Map<Side, (bytes: Uint8Array) => void>()
  const receivers = new Map<Side, (bytes: Uint8Array, from: Endpoint) => void>()
  /** Sides whose newest initiation has not arrived yet. */
  const fresh = new Set<Side>()
  let seed = 0

  /** Calls `arrive` at the other end, with where the sender seems to be. */
  const carry = (side: Side, to: Endpoint, arrive: (from: Endpoint) => void, length = 0): void => {
    const way = ways.find(({ at }) => at[side] === to)
    if (way === undefined || length > (way.framesMax ?? length)) return
    clock.after(way.delayMs, () => {
      if (way.up && (to !== RELAY_WAY || world.relayUp)) arrive(way.at[OTHER[side]])
    })
  }

  /** WireGuard has no session: the packet waits, and a handshake goes to where it is pointed. */
  const knock = (side: Side): void => {
    hostOf(side).waiting += 1
    const { wg } = hostOf(side)
    if (wg !== undefined) wg.txBytes += 148
    fresh.add(side)
    wakers.get(side)?.(initiationFor(hostOf(OTHER[side]).wgKey))
  }

  const hostOf = (side: Side): FakeHost => (side === 'a' ? world.a : world.b)

  const payload = (side: Side): void => {
    const own = hostOf(side).wg
    if (own?.endpoint === undefined) return
    if (own.endpoint === PARKING) return knock(side)
    if (hostOf(OTHER[side]).deaf && clock.now() - own.handshakeAt >= 180_000) {
      own.txBytes += 148
      return
    }
    own.txBytes += 1_000
    carry(side, own.endpoint, (from) => {
      const peer = hostOf(OTHER[side])
      if (peer.wg === undefined) return
      peer.received += 1
      peer.wg.endpoint = from
      peer.wg.rxBytes += 1_000
      if (clock.now() - peer.wg.handshakeAt < 120_000) return
      peer.wg.handshakeAt = clock.now()
      own.handshakeAt = clock.now()
    })
  }

  /** The first message of a handshake: WireGuard of the other end answers where it came from. */
  const handshake = (side: Side, to: Endpoint): void =>
    carry(side, to, (from) => {
      const [own, peer] = [hostOf(side).wg, hostOf(OTHER[side]).wg]
      // None is taken twice: WireGuard goes by the time inside.
      if (own === undefined || peer === undefined || hostOf(OTHER[side]).deaf || !fresh.delete(side)) return
      peer.endpoint = from
      peer.handshakeAt = clock.now()
      carry(OTHER[side], from, (back) => {
        own.endpoint = back
        own.handshakeAt = clock.now()
        for (; hostOf(side).waiting > 0; hostOf(side).waiting -= 1) payload(side)
      })
    })

  const socketOf = (side: Side): FrameSocket => ({
    open: async (onMessage) => {
      if (!hostOf(side).sharing) return false
      receivers.set(side, onMessage)
      return true
    },
    send(bytes, to, ttl) {
      sent.push({ side, to, bytes, ...(ttl === undefined ? {} : { ttl }) })
      if (isInitiation(bytes)) return handshake(side, to)
      if (!receivers.has(side) || ttl !== undefined) return
      const arrive = (from: Endpoint): void => {
        const receive = receivers.get(OTHER[side])
        if (receive === undefined) return
        hostOf(OTHER[side]).frames += 1
        receive(bytes, from)
      }
      carry(side, to, arrive, bytes.length)
    },
    close: async () => void receivers.delete(side),
  })

  const engineOf = (side: Side): PathEngine => {
    const host = hostOf(side)
    const [log, entropy] = [memoryLog(), seededEntropy(++seed)]
    const crypto = { sha256, hkdf, seal: sealAead, open: openAead }
    const self = { wgKey: host.wgKey, sharedWith: sharedSecretWith(privateKeys[side]) }
    const [socket, talk] = [socketOf(side), createPathTalk({ self, crypto, clock, entropy })]
    host.sizes = createPathSizes({
      clock,
      log,
      metered: false,
      mtu: () => 1_420,
      send: (peer, probe, to, bytes) => socket.send(talk.ping(peer, probe, to, bytes), to),
      onChange: () => undefined,
    })
    return createPathEngine({
      self: host.member.nodeId,
      talk,
      socket,
      sizes: host.sizes,
      wireguard: fakeWireguard(() => hostOf(side)),
      names: createNames(undefined, clock, log),
      clock,
      entropy,
      log,
      metered: false,
      pace: () => host.pace,
      loopback: async (onPacket) => {
        wakers.set(side, onPacket)
        return { endpoint: PARKING, send: () => undefined, close: () => void wakers.delete(side) }
      },
      relayClient: () =>
        createFakeRelayClient({
          clock,
          endpoint: RELAY_WAY,
          isUp: () => world.relayUp,
          seenAs: world.seenAs[side],
          log: host.relayed,
        }),
      relayScene: () => ({
        self: host.member,
        nodes: [world.a.member, world.b.member, RELAY],
        facts: new Map(),
        rules: [],
      }),
      nudge(address) {
        host.nudged.push(address)
        payload(side)
      },
      onChange: () => void (host.changes += 1),
    })
  }

  const turn = (side: Side): void => {
    const [host, other] = [hostOf(side), hostOf(OTHER[side])]
    // The chooser tells an engine that is not open nothing.
    if (!receivers.has(side)) return
    const { wg } = host
    const fact = { candidates: other.candidates, observed: [], relays: [], natType: 'unknown' } as unknown as Fact
    const held: HeldFact = { envelope: new Uint8Array(0), fact }
    const entries: readonly PeerEntry[] = other.isMember
      ? [
          {
            member: other.member,
            path: 'none',
            endpoint: wg?.endpoint,
            wireguardAt: wg?.endpoint,
            via: undefined,
            onLink: false,
            handshakeAt: wg?.handshakeAt ?? 0,
            rxBytes: wg?.rxBytes ?? 0,
            txBytes: wg?.txBytes ?? 0,
            heardAt: 0,
            activeUntil: 0,
            rttMs: undefined,
            lastGood: host.lastGood,
          },
        ]
      : []
    host.engine.update({
      entries,
      facts: new Map([[other.member.nodeId, held]]),
      local: host.local,
      mesh: ['10.77.0.0/24' as Cidr],
      key: JSON.stringify([other.isMember, other.candidates, host.local]),
    })
    // What the planner would do with what was chosen.
    const endpoint = host.engine.chosen.get(other.member.nodeId)
    if (wg !== undefined && wg.endpoint === undefined && endpoint !== undefined) wg.endpoint = endpoint
  }

  const start = async (side: Side): Promise<void> => {
    const host = hostOf(side)
    host.engine = engineOf(side)
    await host.engine.start()
    turn(side)
  }
  const everyTurn = (side: Side): void => void clock.after(4_000, () => (turn(side), everyTurn(side)))

  const world: World = {
    clock,
    a: makeHost('a', privateKeys),
    b: makeHost('b', privateKeys),
    ways,
    relayUp: true,
    seenAs: { a: '192.0.2.1:51820' as Endpoint, b: '192.0.2.2:51820' as Endpoint },
    sent,
    turn,
    send: payload,
    run: (ms) => clock.advanceAsync(ms),
    inject: (to, from, bytes) => receivers.get(to)?.(bytes, from),
    async restart(side) {
      await hostOf(side).engine.stop()
      await start(side)
    },
  }
  for (const side of SIDES) {
    world[side].engine = engineOf(side)
    everyTurn(side)
  }
  return world
}

/** Both engines run, and each was told of the other. */
export async function startWorld(world: World): Promise<void> {
  for (const side of SIDES) {
    await world[side].engine.start()
    world.turn(side)
  }
}
