// A LAN in memory: who shouts on it is heard by all who listen there, at once; and everything said is kept to look at.

import { type Address, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint } from '../../shared/address/endpoint.ts'
import { type FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { type Fact, sealFact } from '../../shared/fact/fact.ts'
import { hkdf, openAead, sealAead, sha256, verify } from '../../shared/host/crypto.ts'
import type { NodeId } from '../../shared/ids.ts'
import { type TestDevice, testDevice, testNetwork } from '../link/hub.fake.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import type { HeldFact } from '../store/store.ts'
import { createFactBook } from '../trust/fact-book.ts'
import { type BeaconCodec, createBeaconCodec } from './beacon.ts'
import type { BeaconSocket } from './doors.ts'
import { createLan, type Lan } from './lan.ts'

export const testCrypto = { hkdf, seal: sealAead, open: openAead }
export const testKey = new Uint8Array(32).fill(7)
const PREFIX = 24

export interface Said {
  readonly from: Address
  /** Undefined for a broadcast. */
  readonly to: Address | undefined
  readonly bytes: Uint8Array
}

export interface FakeSegment {
  readonly said: Said[]
  /** False: the switch lost its power. */
  up: boolean
  socket(at: () => Address): BeaconSocket
  /** Anybody's datagram, from wherever it claims to come. */
  inject(bytes: Uint8Array, from: string): void
}

export function createSegment(): FakeSegment {
  const hearers = new Map<BeaconSocket, { at: () => Address; hear: (bytes: Uint8Array, from: string) => void }>()
  const said: Said[] = []
  const carry = (one: Said): void => {
    said.push(one)
    if (!segment.up) return
    for (const { at, hear } of hearers.values()) {
      if (one.to === undefined || one.to === at()) hear(one.bytes, one.from)
    }
  }
  const segment: FakeSegment = {
    said,
    up: true,
    socket(at) {
      const socket: BeaconSocket = {
        open(hear) {
          hearers.set(socket, { at, hear })
          return Promise.resolve(true)
        },
        setLinks: () => undefined,
        broadcast: (bytes) => carry({ from: at(), to: undefined, bytes }),
        send: (bytes, to) => carry({ from: at(), to, bytes }),
        close() {
          hearers.delete(socket)
          return Promise.resolve()
        },
      }
      return socket
    },
    inject(bytes, from) {
      for (const { hear } of hearers.values()) hear(bytes, from)
    },
  }
  return segment
}

export function localAt(address: string): LocalAddress {
  const block = parseCidr(`${address.replace(/\d+$/, '0')}/${PREFIX}`)
  return { interface: 'eth0', address: parseAddress(address), cidr: block, physical: true }
}

/** A device's fact that it is at `address`. */
export function factAt(device: TestDevice, address: string, seq: number): Uint8Array {
  const endpoint: Endpoint = formatEndpoint(parseAddress(address), 51_820)
  const candidates: Fact['candidates'] = [{ kind: 'lan', endpoint }]
  const rest = { observed: [], relays: [], natType: 'unknown', at: 1 } as const
  return sealFact(
    { node: device.nodeId, boot: 1, seq, candidates, ...rest, observed: [], relays: [] },
    device.signer,
    sha256,
  )
}

export interface Neighbour {
  readonly device: TestDevice
  readonly lan: Lan
  readonly codec: BeaconCodec
  readonly facts: ReadonlyMap<NodeId, HeldFact>
  /** How often it was woken by news. */
  news(): number
  /** Seals that were tried. */
  opened(): number
  /** Facts that were verified. */
  offered(): number
  /** Gets another address and says so. */
  move(address: string): void
}

export interface NeighbourOptions {
  readonly segment: FakeSegment
  readonly clock: FakeClock
  readonly index: number
  readonly address: string
  readonly members: ReadonlyMap<NodeId, TestDevice>
  readonly keys?: readonly Uint8Array[]
}

/** One node with a book of facts as simple as can be. */
export async function createNeighbour(options: NeighbourOptions): Promise<Neighbour> {
  const { clock, index, keys = [testKey], members, segment } = options
  const device = testDevice(`node-${index}`, index)
  const log = memoryLog()
  const keyOf = (node: NodeId) => members.get(node)?.deviceKey
  const book = createFactBook({ store: new MemoryStore(), log, sha256, verify, keyOf, onRefused: () => undefined })
  const entropy = seededEntropy(index)
  const codec = createBeaconCodec({ network: testNetwork, crypto: testCrypto, entropy })
  let { address } = options
  let [news, opened, offered, seq] = [0, 0, 0, 1]
  const lan = createLan({
    metered: false,
    self: device.nodeId,
    codec: {
      seal: (with_, beacon) => codec.seal(with_, beacon),
      open(with_, bytes) {
        opened += 1
        return codec.open(with_, bytes)
      },
    },
    socket: segment.socket(() => address as Address),
    clock,
    entropy,
    log,
    keys: () => keys,
    isMember: (node) => members.has(node),
    facts: book.facts,
    offer(node, envelope) {
      offered += 1
      return book.offer(node, envelope)
    },
    onNews: () => {
      news += 1
    },
  })
  lan.follow([localAt(address)])
  lan.say(factAt(device, address, seq))
  await lan.start()
  return {
    device,
    lan,
    codec,
    facts: book.facts,
    news: () => news,
    opened: () => opened,
    offered: () => offered,
    move(next) {
      address = next
      seq += 1
      lan.follow([localAt(next)])
      lan.say(factAt(device, next, seq))
    },
  }
}
