// A relay, its kernel and the nodes that use it on one bench: datagrams are calls, time moves when told.

import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { type Endpoint, hostOf, parseEndpoint, portOf } from '../../shared/address/endpoint.ts'
import { FakeClock, memoryLog, seededEntropy, settle } from '../../shared/effects.fake.ts'
import type { Verify } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import type { DeviceKey, NodeId } from '../../shared/ids.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import type { Version } from '../../shared/record/head.ts'
import { type Capability, capabilityLifeMs, sealCapability } from '../../shared/wire/capability.ts'
import { type TestDevice, testDevice, testNetwork, testSigner } from '../link/hub.fake.ts'
import type { MemberSet } from './admission.ts'
import type { SessionPorts } from './binder.ts'
import { createRelayClient, type RelayClient } from './client.ts'
import { createFakeForwarder, createFakeForwarderKernel } from './forwarder.fake.ts'
import { parseRelayFrame, type RelayFrame } from './frames.ts'
import { createRelay, type Relay } from './relay.ts'

const relayNode = testDevice('relay', 9)
export const alice = testDevice('alice', 1)
export const mallory = testDevice('mallory', 3)
export const bob = testDevice('bob', 2)
export const relayAt = parseEndpoint('192.0.2.9:3478')
export const aliceAt = parseEndpoint('198.51.100.1:51820')
export const malloryAt = parseEndpoint('198.51.100.66:6666')
export const bobAt = parseEndpoint('203.0.113.2:40001')
const hub = testSigner(2)
/** One way. */
const WIRE_MS = 1

export interface Datagram {
  readonly bytes: Uint8Array
  readonly from: Endpoint
  readonly to: Endpoint
}

/** As a node holds what it was given: a new one each hour of its clock. */
function held(ask: () => Uint8Array, clock: FakeClock): () => Uint8Array {
  let [now, until] = [new Uint8Array(0) as Uint8Array, Number.NEGATIVE_INFINITY]
  return () => {
    if (clock.now() >= until) [now, until] = [ask(), clock.now() + 3_600_000]
    return now
  }
}

export function capabilityOf(device: TestDevice, clock: FakeClock, change: Partial<Capability> = {}): Uint8Array {
  const issuedAt = clock.now()
  const { deviceKey, nodeId: node } = device
  const plain = {
    network: testNetwork,
    node,
    deviceKey,
    epoch: 1,
    revision: 5,
    issuedAt,
    expiresAt: issuedAt + capabilityLifeMs,
  }
  return sealCapability({ ...plain, ...change }, hub, sha256)
}

export function memberSet(version: Version, devices: readonly TestDevice[]): MemberSet {
  const keys = new Map<NodeId, DeviceKey>(devices.map(({ deviceKey, nodeId }) => [nodeId, deviceKey]))
  return { version, keyOf: (node) => keys.get(node) }
}

export interface RelayRig {
  readonly clock: FakeClock
  /** The relay's id. */
  readonly node: NodeId
  readonly kernel: ReturnType<typeof createFakeForwarderKernel>
  /** The process that answers now. */
  relay(): Relay
  members: MemberSet | undefined
  /** Who takes packets for nodes that are not bound here. */
  elsewhere: ((from: NodeId, to: NodeId, bytes: Uint8Array) => boolean) | undefined
  /** Node and peer of each bind. */
  readonly binds: (readonly [NodeId, NodeId])[]
  /** Ports that others sit on. */
  readonly taken: Set<number>
  /** What the relay said, and from session ports. */
  readonly said: Datagram[]
  /** Signatures checked. */
  verified(): number
  /** A node at an address; what it sends goes to the relay unless it is `cut`. */
  client(device: TestDevice, at: Endpoint, capability?: () => Uint8Array | undefined): TestNode
  /** Kills the process; the kernel stays. */
  restart(): Promise<void>
  pass(ms: number): Promise<void>
}

export interface TestNode {
  readonly client: RelayClient
  readonly sent: Uint8Array[]
  at: Endpoint
  cut: boolean
  symmetric: boolean
}

function fakePorts(rig: {
  readonly taken: Set<number>
  readonly sendFrom: (from: Endpoint, bytes: Uint8Array, to: Endpoint) => void
}): SessionPorts {
  return {
    open: async (port) => !rig.taken.has(port),
    close: () => undefined,
    send: (port, bytes, to) => rig.sendFrom(parseEndpoint(`192.0.2.9:${port}`), bytes, to),
    localFor: async (to): Promise<Address> => parseAddress(hostOf(to).includes(':') ? '2001:db8::9' : '192.0.2.9'),
  }
}

export async function createRelayRig(range = { first: 61_000, count: 64 }): Promise<RelayRig> {
  const clock = new FakeClock()
  const kernel = createFakeForwarderKernel()
  const taken = new Set<number>()
  const said: Datagram[] = []
  const nodes: TestNode[] = []
  let checks = 0
  let lives = 0
  let members: MemberSet | undefined
  let elsewhere: RelayRig['elsewhere']
  const binds: (readonly [NodeId, NodeId])[] = []
  const counted: Verify = (...words) => {
    checks += 1
    return verify(...words)
  }
  const sendFrom = (from: Endpoint, bytes: Uint8Array, to: Endpoint): void => {
    said.push({ bytes, from, to })
    clock.after(WIRE_MS, () => {
      for (const node of nodes) {
        const here = node.symmetric ? hostOf(node.at) === hostOf(to) : node.at === to
        if (here && !node.cut) node.client.receive(bytes, from)
      }
    })
  }
  const start = async (): Promise<Relay> => {
    lives += 1
    const made = createRelay({
      self: relayNode.nodeId,
      network: testNetwork,
      trusted: () => trustedKeys([hub.publicKey], sha256),
      members: () => members,
      verify: counted,
      clock,
      entropy: seededEntropy(lives),
      log: memoryLog(),
      forwarder: createFakeForwarder(kernel),
      ports: fakePorts({ taken, sendFrom }),
      range,
      elsewhere: (from, to, bytes) => elsewhere?.(from, to, bytes) ?? false,
      onBind: (node, peer) => void binds.push([node, peer]),
      send: (bytes, to) => sendFrom(relayAt, bytes, to),
    })
    await made.start()
    return made
  }
  let relay = await start()

  return {
    clock,
    node: relayNode.nodeId,
    kernel,
    relay: () => relay,
    taken,
    said,
    get members() {
      return members
    },
    set members(next) {
      members = next
    },
    binds,
    get elsewhere() {
      return elsewhere
    },
    set elsewhere(next) {
      elsewhere = next
    },
    verified: () => checks,
    client(device, at, capability = held(() => capabilityOf(device, clock), clock)) {
      const sent: Uint8Array[] = []
      const client = createRelayClient({
        self: device.nodeId,
        signer: device.signer,
        capability,
        send(bytes, to) {
          sent.push(bytes)
          const from = node.at
          if (node.cut) return
          const port = portOf(to)
          // A NAT of the worst kind: another port for every destination.
          const seen = node.symmetric
            ? parseEndpoint(`${from.slice(0, from.lastIndexOf(':'))}:${portOf(from) + (port % 1_000) + 1}`)
            : from
          clock.after(WIRE_MS, () =>
            port === portOf(relayAt) ? relay.receive(bytes, seen) : relay.receiveAt(port, bytes, seen),
          )
        },
        clock,
        entropy: seededEntropy(100 + nodes.length),
        log: memoryLog(),
      })
      const node: TestNode = { client, sent, at, cut: false, symmetric: false }
      nodes.push(node)
      return node
    },
    async restart() {
      relay.stop()
      relay = await start()
    },
    async pass(ms) {
      await clock.advanceAsync(ms)
      await settle()
    },
  }
}

export interface Watched {
  readonly events: string[]
  endpoint(): Endpoint | undefined
  release(): void
}

/** Binds and remembers what happened. */
export function watchBind(node: TestNode, peer: TestDevice): Watched {
  const events: string[] = []
  const binding = node.client.bind(relayNode.nodeId, relayAt, peer.nodeId, {
    onBound: (endpoint, observed) => void events.push(`bound ${endpoint} seen ${observed}`),
    onLost: (why) => void events.push(`lost ${why}`),
  })
  return { events, endpoint: () => binding.endpoint(), release: () => binding.release() }
}

/** Alice and Bob, bound to each other. */
export async function bothBound() {
  const rig = await createRelayRig()
  const [a, b] = [rig.client(alice, aliceAt), rig.client(bob, bobAt)]
  const [toBob, toAlice] = [watchBind(a, bob), watchBind(b, alice)]
  await rig.pass(100)
  return { rig, a, b, toBob, toAlice }
}

export async function refusedFor(rig: RelayRig): Promise<Readonly<Record<string, number>>> {
  return (await rig.relay().metrics()).refused
}

/** The first frame of the kind that the node sent. */
export function sentBy(node: TestNode, kind: RelayFrame['kind']): Uint8Array {
  const found = node.sent.find((bytes) => parseRelayFrame(bytes)?.kind === kind)
  if (found === undefined) throw new HoldfastError('failed', `the node sent no ${kind}`)
  return found
}
