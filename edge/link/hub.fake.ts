// A hub in memory: signs sets of records, publishes them, answers catch-up. As the real one looks from a device.

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { FakeBroker } from '../../shared/bus.fake.ts'
import { fromUtf8, toBase64, toHex, utf8 } from '../../shared/bytes.ts'
import { settle } from '../../shared/effects.fake.ts'
import type { Bus, Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import {
  base32,
  type NetworkId,
  type NodeId,
  parseDeviceKey,
  parseName,
  parseNetworkId,
  parseNodeId,
  parseWgKey,
} from '../../shared/ids.ts'
import { encodeCanonical } from '../../shared/record/canonical.ts'
import { diffRecords, encodeDelta, encodeSnapshot } from '../../shared/record/delta.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { compareVersion, signHead, type Version } from '../../shared/record/head.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import type { RecordSet } from '../../shared/record/record.ts'
import { signRoot } from '../../shared/record/root.ts'
import { type Capability, capabilityLifeMs, sealCapability } from '../../shared/wire/capability.ts'
import { encodePresence } from '../../shared/wire/report.ts'
import { encodeChunks, parseRequest, type ReplyKind, type SyncRequest } from '../../shared/wire/sync.ts'
import { hubFilters, parseTopic, topics } from '../../shared/wire/topics.ts'
import type { Anchors } from '../trust/keys.ts'

const signers = new Map<number, Signer>()

/** Making a signer costs more than signing. */
export function testSigner(seed: number): Signer {
  const signer = signers.get(seed) ?? signerFromSeed(sha256(utf8(`test key ${seed}`)))
  signers.set(seed, signer)
  return signer
}

/** A device with keys that follow from its name. */
export function testDevice(name: string, index: number) {
  const signer = testSigner(100 + index)
  return {
    name: parseName(name),
    signer,
    nodeId: parseNodeId(base32(sha256(signer.publicKey), 16)),
    deviceKey: parseDeviceKey(toBase64(signer.publicKey)),
    wgKey: parseWgKey(toBase64(sha256(utf8(`wg ${name}`)))),
    address: `10.77.0.${index}`,
  }
}
export type TestDevice = ReturnType<typeof testDevice>

export const testNetwork: NetworkId = parseNetworkId('testnetaaaaa')

export function testDeflate(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(deflateRawSync(bytes))
}

export function testInflate(bytes: Uint8Array, bytesMax: number): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: bytesMax })
  } catch (cause) {
    throw new HoldfastError('too-large', 'does not inflate', { cause })
  }
}

interface Step {
  readonly version: Version
  readonly records: RecordSet
  readonly head: Uint8Array
}

export class FakeHub {
  readonly network: NetworkId
  /** What devices joined under. */
  readonly firstRoot: Signer = testSigner(1)
  root: Signer = this.firstRoot
  #rotations = 0
  signer: Signer = testSigner(2)
  /** Requests received. */
  readonly requests: SyncRequest[] = []
  /** Answers to catch-up are dropped while true. */
  mute = false
  /** Changes a reply on its way. */
  twist: (kind: ReplyKind, frame: Uint8Array) => Uint8Array = (_, frame) => frame
  readonly #records = new Map<string, Uint8Array>()
  readonly #steps: Step[] = []
  #version: Version = { epoch: 1, revision: 0 }
  #bus: Bus | undefined
  issuedAt = 1_700_000_000_000

  constructor(network: NetworkId = testNetwork) {
    this.network = network
    this.put('network/default', {
      name: 'default',
      spec: {
        cidr: '10.77.0.0/24',
        dnsDomain: 'mesh.internal',
        mtu: 1420,
        defaultPolicy: 'Allow',
        keepalive: 25,
        failover: 'normal',
        relayPolicy: [],
      },
    })
  }

  get anchors(): Anchors {
    return {
      network: this.network,
      root: this.root.publicKey,
      certificates: [this.certificate()],
      verify,
      sha256,
    }
  }

  certificate(signer = this.signer, issuedAt = 1): Uint8Array {
    return certifyKey(signer.publicKey, issuedAt, this.root, sha256)
  }

  put(id: string, body: unknown): this {
    this.#records.set(id, encodeCanonical({ id, body }))
    return this
  }

  putKey(signer: Signer, issuedAt: number): this {
    return this.put(`key/${keyIdOf(signer.publicKey, sha256)}`, {
      envelope: toBase64(this.certificate(signer, issuedAt)),
    })
  }

  /** From the next revision on `next` is the root, and vouches for the signing key. */
  rotateRoot(next: Signer, issuedAt = 100 + this.#rotations): this {
    const serial = ++this.#rotations
    const [root, key] = [this.root, next].map(({ publicKey }) => parseDeviceKey(toBase64(publicKey)))
    if (root === undefined || key === undefined) return this
    const link = { serial, root, next: key, issuedAt }
    this.put(`root/${serial}`, signRoot(link, this.root, next, sha256))
    this.root = next
    return this.putKey(this.signer, issuedAt)
  }

  putNode(device: TestDevice, extra: Readonly<Record<string, unknown>> = {}): this {
    const { nodeId, name, wgKey, deviceKey, address } = device
    const body = { nodeId, name, labels: {}, wgKey, deviceKey, addresses: [address], advertise: [], ...extra }
    return this.put(`node/${name}`, body)
  }

  remove(id: string): this {
    this.#records.delete(id)
    return this
  }

  /** Signs the records as they are: one revision. */
  commit(version: Version = { epoch: this.#version.epoch, revision: this.#version.revision + 1 }): Step {
    const tree = new MerkleTree(sha256)
    for (const [id, bytes] of this.#records) tree.put(id, sha256(bytes))
    const keyId = keyIdOf(this.signer.publicKey, sha256)
    const { network, issuedAt } = this
    const body = { network, ...version, root: toHex(tree.root()), count: tree.size, issuedAt, keyId }
    const step = { version, records: new Map(this.#records), head: signHead(body, this.signer, sha256) }
    this.#version = version
    this.#steps.push(step)
    return step
  }

  get latest(): Step {
    return this.#steps.at(-1) ?? this.commit()
  }

  snapshot(step: Step = this.latest): Uint8Array {
    return encodeSnapshot(step.records, step.head)
  }

  /** A delta frame; undefined where the steps between are not kept. */
  delta(from: Version, to: Step = this.latest): Uint8Array | undefined {
    const base = this.#steps.find((step) => compareVersion(step.version, from) === 0)
    if (base === undefined) return undefined
    return encodeDelta({ from, to: to.version, ...diffRecords(base.records, to.records) }, to.head)
  }

  /** Goes on the air: presence, retained head, answers. */
  attach(broker: FakeBroker): void {
    const offline = encodePresence({ online: false, session: 'hubhubhubhubhubh' })
    const will = { topic: topics.hub(this.network), payload: offline, retain: true }
    const bus = broker.factory('hub')({ filters: hubFilters, will })
    this.#bus = bus
    bus.start({
      onUp: () => {
        const payload = encodePresence({ online: true, session: 'hubhubhubhubhubh' })
        this.#say(topics.hub(this.network), payload, true)
        this.#say(topics.head(this.network), this.latest.head, true)
      },
      onDown: () => undefined,
      onMessage: (topic, payload) => this.#hear(topic, payload),
    })
  }

  /** Signs and announces: the delta first, so that the head finds those who got it already there. */
  publish(withDelta = true): Step {
    const before = this.latest
    const step = this.commit()
    const delta = this.delta(before.version)
    if (withDelta && delta !== undefined) this.#say(topics.delta(this.network), delta, false)
    this.#say(topics.head(this.network), step.head, true)
    return step
  }

  async leave(): Promise<void> {
    const payload = encodePresence({ online: false, session: 'hubhubhubhubhubh' })
    this.#say(topics.hub(this.network), payload, true)
    await settle()
    await this.#bus?.close()
  }

  #say(topic: string, payload: Uint8Array, retain: boolean): void {
    this.#bus?.publish({ topic, payload, retain }).catch(() => undefined)
  }

  #hear(topic: string, payload: Uint8Array): void {
    const parsed = parseTopic(topic)
    if (parsed?.type !== 'req' || parsed.network !== this.network) return
    const request = parseRequest(payload)
    if (request.want === 'capability') return this.#grant(parsed.node, request.id)
    this.requests.push(request)
    if (!this.mute) this.reply(parsed.node, request)
  }

  /** Changes a capability before it is signed. */
  grant: (capability: Capability) => Capability = (capability) => capability
  readonly granted: NodeId[] = []

  #grant(node: NodeId, id: string): void {
    this.granted.push(node)
    if (this.mute) return
    // Read loosely: a test may have put records that no agent understands.
    const bodies = [...this.#records.values()].map(
      (bytes) => JSON.parse(fromUtf8(bytes)) as { body: Partial<TestDevice> },
    )
    const deviceKey = bodies.find(({ body }) => body.nodeId === node)?.body.deviceKey
    if (deviceKey === undefined) return
    const { network, issuedAt } = this
    const expiresAt = issuedAt + capabilityLifeMs
    const plain = this.grant({ network, node, deviceKey, ...this.latest.version, issuedAt, expiresAt })
    const deflated = new Uint8Array(deflateRawSync(sealCapability(plain, this.signer, sha256)))
    for (const chunk of encodeChunks('capability', id, deflated, sha256(deflated))) {
      this.#say(topics.rsp(this.network, node), chunk, false)
    }
  }

  reply(node: NodeId, { id, have, want }: SyncRequest): void {
    const current = compareVersion(have, this.latest.version) === 0 && want === 'delta'
    const delta = want === 'delta' && !current ? this.delta(have) : undefined
    const kind: ReplyKind = current ? 'current' : delta === undefined ? 'snapshot' : 'delta'
    const frame = current ? new Uint8Array(0) : (delta ?? this.snapshot())
    const deflated = current ? frame : new Uint8Array(deflateRawSync(this.twist(kind, frame)))
    for (const chunk of encodeChunks(kind, id, deflated, sha256(deflated))) {
      this.#say(topics.rsp(this.network, node), chunk, false)
    }
  }
}
