// A host of the engine's tests: who it is, and what its WireGuard and its engine did.

import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Candidate } from '../../shared/fact/fact.ts'
import { generateWgPrivateKey, wgPublicKey } from '../../shared/host/crypto.ts'
import { parseNodeId, type WgKey } from '../../shared/ids.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import type { LocalAddress, ObservedPeer } from '../plan/observed.ts'
import type { WireguardDoor } from './doors.ts'
import type { Pace } from './path.ts'
import type { PathEngine } from './path-engine.ts'
import type { PathSizes } from './path-sizes.ts'

export type Side = 'a' | 'b'

type WgPeer = { -readonly [K in keyof ObservedPeer]: ObservedPeer[K] }

export interface FakeHost {
  readonly side: Side
  readonly wgKey: WgKey
  readonly member: NodeBody
  engine: PathEngine
  sizes: PathSizes
  /** What WireGuard holds of the other; undefined while it is no peer. */
  wg: WgPeer | undefined
  /** WireGuard takes no handshake of the other, which once was far ahead in time. */
  deaf: boolean
  /** How often WireGuard began anew. */
  renewed: number
  sharing: boolean
  pace: Pace
  candidates: readonly Candidate[]
  /** Where it reached the other before. */
  lastGood: Endpoint | undefined
  local: readonly LocalAddress[]
  isMember: boolean
  /** Frames and payload that came in. */
  frames: number
  received: number
  /** Packets that wait for a handshake. */
  waiting: number
  readonly nudged: Address[]
  readonly used: Endpoint[]
  readonly relayed: string[]
  changes: number
}

/** Of two fresh keys the lower one first: `a` decides. */
export function makeKeys(): Readonly<Record<Side, string>> {
  const [one, two] = [generateWgPrivateKey(), generateWgPrivateKey()]
  const bytesOf = (key: string): Buffer => Buffer.from(wgPublicKey(key), 'base64')
  return Buffer.compare(bytesOf(one), bytesOf(two)) < 0 ? { a: one, b: two } : { a: two, b: one }
}

export function makeHost(side: Side, privateKeys: Readonly<Record<Side, string>>): FakeHost {
  const wgKey = wgPublicKey(privateKeys[side])
  const address = (side === 'a' ? '10.0.0.1' : '10.0.1.2') as Address
  const wg = { wgKey: wgPublicKey(privateKeys[side === 'a' ? 'b' : 'a']), allowedIps: [], keepaliveS: 0 }
  return {
    side,
    wgKey,
    member: {
      nodeId: parseNodeId(side.repeat(16)),
      name: `node-${side}`,
      labels: {},
      wgKey,
      addresses: [side === 'a' ? '10.77.0.1' : '10.77.0.2'],
    } as unknown as NodeBody,
    engine: undefined as unknown as PathEngine,
    sizes: undefined as unknown as PathSizes,
    wg: { ...wg, handshakeAt: 0, rxBytes: 0, txBytes: 0 },
    deaf: false,
    renewed: 0,
    sharing: true,
    pace: 'fast',
    candidates: [],
    lastGood: undefined,
    local: [{ interface: 'eth0', address, cidr: `${address}/24` as Cidr, physical: true }],
    isMember: true,
    frames: 0,
    received: 0,
    waiting: 0,
    nudged: [],
    used: [],
    relayed: [],
    changes: 0,
  }
}

/** The WireGuard of a host, as its engine sees it. */
export function fakeWireguard(host: () => FakeHost): WireguardDoor {
  return {
    passed: () => ({ rxBytes: host().wg?.rxBytes ?? 0, txBytes: host().wg?.txBytes ?? 0 }),
    peers: async () => {
      const { wg } = host()
      return wg === undefined ? [] : [{ ...wg }]
    },
    cover: async () => undefined,
    async point(endpoints) {
      const { used, wg } = host()
      for (const [wgKey, endpoint] of endpoints) {
        used.push(endpoint)
        if (wgKey === wg?.wgKey) wg.endpoint = endpoint
      }
    },
    async renew() {
      const one = host()
      one.renewed += 1
      one.deaf = false
      if (one.wg !== undefined) Object.assign(one.wg, { handshakeAt: 0, rxBytes: 0, txBytes: 0 })
    },
  }
}
