// A TLS relay beside a UDP relay and its nodes, on one bench: connections are calls, time moves when told.

import { parseAddress } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint } from '../../shared/address/endpoint.ts'
import { FakeClock, memoryLog, seededEntropy, settle } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import type { NodeId } from '../../shared/ids.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import { type TestDevice, testDevice, testNetwork, testSigner } from '../link/hub.fake.ts'
import type { MemberSet } from './admission.ts'
import { capabilityOf } from './relay-rig.fake.ts'
import { createTlsClient, type TlsClient } from './tls-client.ts'
import type { TlsPlace } from './tls-link.ts'
import { createTlsRelay, type TlsGuest, type TlsRelay } from './tls-relay.ts'
import type { Loopback, OpenLoopback, TlsWire } from './tls-wire.ts'

export const tlsRelayNode = testDevice('relay', 9)
export const tlsPlace: TlsPlace = {
  relay: tlsRelayNode.nodeId,
  host: '192.0.2.9',
  port: 443,
  deviceKey: tlsRelayNode.deviceKey,
}
/** One way. */
const WIRE_MS = 1

export interface FakeWire extends TlsWire {
  /** Bytes that seem to wait in the network. */
  full: number
  /** Nothing passes any more, and nobody hears of it. */
  dead: boolean
  readonly sent: Uint8Array[]
}

export interface TlsNode {
  readonly client: TlsClient
  readonly wanted: NodeId[]
  /** What its WireGuard was sent, by the endpoint it came from. */
  readonly heard: (readonly [Endpoint, string])[]
  changes: number
  /** WireGuard of the node sends to an endpoint on its loopback. */
  say(to: Endpoint | undefined, text: string): void
  endpoint(peer: TestDevice): Endpoint | undefined
}

/** Loopback sockets of one host. */
function loopbacks(first: number) {
  const open = new Map<Endpoint, (bytes: Uint8Array) => void>()
  const heard: (readonly [Endpoint, string])[] = []
  let port = first
  const loopback: OpenLoopback = async (onPacket): Promise<Loopback> => {
    const endpoint = formatEndpoint(parseAddress('127.0.0.1'), ++port)
    open.set(endpoint, onPacket)
    return {
      endpoint,
      send: (bytes) => void heard.push([endpoint, new TextDecoder().decode(bytes)]),
      close: () => void open.delete(endpoint),
    }
  }
  return { open, heard, loopback }
}

export function createTlsRig() {
  const clock = new FakeClock()
  const hub = testSigner(2)
  const toUdp: string[] = []
  const channels: string[] = []
  const wires: (readonly [FakeWire, FakeWire])[] = []
  const host = loopbacks(40_000)
  let members: MemberSet | undefined
  let up = true
  let lives = 0

  const start = (): TlsRelay =>
    createTlsRelay({
      self: tlsRelayNode.nodeId,
      network: testNetwork,
      trusted: () => trustedKeys([hub.publicKey], sha256),
      members: () => members,
      verify,
      clock,
      log: memoryLog(),
      sessionBytesPerSecond: 1e6,
      totalBytesPerSecond: 1e7,
      toUdp: (from, to, bytes) => void toUdp.push(`${from[0]}${to[0]} ${new TextDecoder().decode(bytes)}`),
      onChannel: (node, peer) => void channels.push(`${node} ${peer}`),
      local: host.loopback,
    })
  let relay = start()

  /** Both ends of a connection; what one sends the other receives a moment later. */
  const connect = (events: Events): FakeWire => {
    lives += 1
    const exported = seededEntropy(lives).bytes(32)
    let guest: TlsGuest | undefined
    let open = true
    const end = (): void => {
      if (!open) return
      open = false
      clock.after(WIRE_MS, () => {
        guest?.closed()
        events.onClosed('the connection ended')
      })
    }
    const wire = (deliver: (bytes: Uint8Array) => void): FakeWire => {
      const self: FakeWire = {
        exported,
        host: '198.51.100.1',
        full: 0,
        dead: false,
        sent: [],
        send(frame) {
          self.sent.push(frame)
          if (open && !self.dead) clock.after(WIRE_MS, () => !self.dead && deliver(frame))
        },
        waiting: () => self.full,
        ping() {
          if (!self.dead)
            clock.after(WIRE_MS, () => {
              guest?.alive()
              if (!self.dead) events.onAlive()
            })
        },
        close: end,
      }
      return self
    }
    const near = wire((bytes) => guest?.receive(bytes))
    const far = wire((bytes) => events.onMessage(bytes))
    guest = relay.accept(far)
    wires.push([near, far])
    return near
  }

  return {
    clock,
    toUdp,
    channels,
    wires,
    host,
    relay: () => relay,
    setMembers: (next: MemberSet | undefined) => void (members = next),
    connect,
    async restart() {
      relay.close()
      up = false
      await clock.advanceAsync(2_000)
      relay = start()
      up = true
    },
    node(device: TestDevice, capability?: () => Uint8Array): TlsNode {
      const own = loopbacks(50_000 + 100 * lives)
      const held = capabilityOf(device, clock)
      const client = createTlsClient({
        signer: device.signer,
        capability: capability ?? (() => held),
        clock,
        entropy: seededEntropy(lives + 1),
        log: memoryLog(),
        loopback: own.loopback,
        onChange: () => void (node.changes += 1),
        onWanted: (peer) => void node.wanted.push(peer),
        async dial(_, events) {
          if (!up) throw new HoldfastError('unreachable', 'nobody there')
          return connect(events)
        },
      })
      const node: TlsNode = {
        client,
        wanted: [],
        heard: own.heard,
        changes: 0,
        say: (to, text) => to !== undefined && own.open.get(to)?.(new TextEncoder().encode(text)),
        endpoint: (peer) => client.of(peer.nodeId)[0]?.endpoint,
      }
      return node
    },
    async pass(ms: number) {
      await clock.advanceAsync(ms)
      await settle()
    },
  }
}

type Events = Parameters<Parameters<typeof createTlsClient>[0]['dial']>[1]
