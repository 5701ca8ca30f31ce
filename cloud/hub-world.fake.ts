// A hub with everything around it in memory: broker, clock, disk and devices, for tests of the whole.

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { FakeBroker } from '../shared/bus.fake.ts'
import { fromUtf8, toBase64, toBase64Url, toHex, utf8 } from '../shared/bytes.ts'
import { FakeClock, memoryLog, seededEntropy, settle } from '../shared/effects.fake.ts'
import type { Signer } from '../shared/effects.ts'
import { HoldfastError } from '../shared/errors.ts'
import { type Fact, sealFact } from '../shared/fact/fact.ts'
import { sha256, signerFromSeed, verify } from '../shared/host/crypto.ts'
import { base32, type NetworkId, type NodeId, parseDeviceKey, parseNodeId, parseWgKey } from '../shared/ids.ts'
import type { Labels } from '../shared/intent/field.ts'
import { type AnyResource, apiVersion, type Kind, parseResource, parseWith } from '../shared/intent/resource.ts'
import { tokenSpec } from '../shared/intent/token.ts'
import { trustedKeys } from '../shared/record/envelope.ts'
import { type Head, openHead, type Version } from '../shared/record/head.ts'
import { certifyKey } from '../shared/record/keys.ts'
import { MerkleTree } from '../shared/record/merkle.ts'
import {
  credentialId,
  type EnrolReply,
  type EnrolRequest,
  enrolProofBytes,
  parseJoinToken,
} from '../shared/wire/enrol.ts'
import { encodePresence, encodeStatus, type StatusReport } from '../shared/wire/report.ts'
import { Assembly, encodeRequest, parseChunk, type ReplyKind, type SyncRequest } from '../shared/wire/sync.ts'
import { type NodeChannel, topics } from '../shared/wire/topics.ts'
import { understands } from '../shared/wire/understands.ts'
import type { Actor } from './audit.ts'
import { createHub } from './create-hub.ts'
import type { Hub, HubEvent, HubOptions } from './hub.ts'
import { MemoryHubStore } from './store/memory.fake.ts'

export const admin: Actor = { name: 'admin', role: 'admin' }

export function resource(kind: Kind, name: string, spec: unknown = {}, metadata: object = {}): AnyResource {
  return parseResource({ apiVersion, kind, metadata: { name, ...metadata }, spec })
}

export const emptyPolicy = { subject: { nodeSelector: {} } }

export interface Device {
  readonly nodeId: NodeId
  readonly signer: Signer
  readonly wgKey: EnrolRequest['wgKey']
}

export function device(seed: number): Device {
  const signer = signerFromSeed(sha256(utf8(`device ${seed}`)))
  return {
    signer,
    nodeId: parseNodeId(base32(sha256(signer.publicKey), 16)),
    wgKey: parseWgKey(toBase64(sha256(utf8(`wg ${seed}`)))),
  }
}

export function enrolRequest(
  token: string,
  { signer, wgKey }: Device,
  name?: string,
  labels: Labels = {},
): EnrolRequest {
  const { id: tokenId, pin, secret } = parseJoinToken(token)
  const deviceKey = parseDeviceKey(toBase64(signer.publicKey))
  const body = { tokenId, wgKey, deviceKey, labels, ...(name === undefined ? {} : { name: name as never }) }
  const proof = toBase64(signer.sign(enrolProofBytes(body, pin)))
  return { ...body, secret: toBase64Url(secret), proof }
}

export interface World {
  readonly clock: FakeClock
  readonly broker: FakeBroker
  readonly store: MemoryHubStore
  readonly log: ReturnType<typeof memoryLog>
  readonly revoked: NodeId[]
  /** As the broker was told; it forgets with each life of the hub. */
  readonly suspended: ReadonlySet<NodeId>
  readonly events: HubEvent[]
  readonly hub: Hub
  /** SHA-256 computed by the hub so far. */
  hashes(): number
  start(): Promise<void>
  /** The process is gone between two instructions; the disk stays. */
  crash(): void
  /** A hub on the same disk, after `stop` or `crash`. */
  restart(change?: Partial<HubOptions>): Promise<void>
  token(spec?: object): string
  join(seed: number, name: string, token?: string): Promise<EnrolReply>
  network(): NetworkId
  head(): Head
  /** Verified against the head in the store: ids of the records. */
  records(): readonly string[]
  version(): Version
  /** A word of a device, as the broker would hand it on. */
  say(node: NodeId, channel: NodeChannel, payload: Uint8Array): Promise<void>
  presence(node: NodeId, online: boolean, session?: string): Promise<void>
  acknowledge(
    node: NodeId,
    version?: Version,
    health?: readonly { code: 'disk-full' | 'no-wireguard' }[],
    words?: readonly string[],
  ): Promise<void>
  /** The node says that it took the newest revision back and runs `version` again. */
  takeBack(node: NodeId, version: Version, certain?: boolean): Promise<void>
  /** The node says that it holds the newest revision and goes on with `version`. */
  hold(node: NodeId, version: Version): Promise<void>
  fact(seed: number, seq: number, about?: NodeId): Promise<void>
  ask(node: NodeId, request: Omit<SyncRequest, 'id'>): Promise<{ readonly kind: ReplyKind; readonly frame: Uint8Array }>
  /** Lets gathered changes go out. */
  pass(ms?: number): Promise<void>
}

const session1 = 'sessionaaaaaaaaa'
const root = signerFromSeed(sha256(utf8('root')))
export const signer = signerFromSeed(sha256(utf8('signing')))

function statusReport(
  applied: Version,
  health: readonly { code: 'disk-full' | 'no-wireguard' }[] = [],
  revision: Partial<StatusReport['revision']> = {},
  words: readonly string[] = understands,
): Uint8Array {
  return encodeStatus({
    version: '1',
    understands: [...words],
    boot: 1,
    startedAt: 1,
    addresses: [],
    revision: { held: applied, applied, lastGood: applied, ...revision },
    peers: [],
    peersTotal: 0,
    peersReachable: 0,
    health: health.map(({ code }) => ({ code, since: 1 })),
    host: { os: 'x', kernel: 'x', arch: 'x', wireguard: 'kernel' },
    at: 1,
  })
}

export function createWorld(change: Partial<HubOptions> = {}): World {
  const clock = new FakeClock()
  const broker = new FakeBroker()
  const store = new MemoryHubStore()
  const log = memoryLog()
  const entropy = seededEntropy(7)
  const revoked: NodeId[] = []
  const suspended = new Set<NodeId>()
  const credentials = new Map<NodeId, Uint8Array>()
  const events: HubEvent[] = []
  let hashes = 0
  let lives = 0
  let asked = 0

  const make = (more: Partial<HubOptions>): Hub => {
    const life = ++lives
    suspended.clear()
    const hub = createHub(
      {
        clock,
        entropy,
        log,
        sha256(bytes) {
          hashes += 1
          return sha256(bytes)
        },
        verify,
        deflate: (bytes) => deflateRawSync(bytes),
        anchor: { rootKey: parseDeviceKey(toBase64(root.publicKey)), tlsAuthority: toBase64(new Uint8Array(4)) },
        signer,
        keyCertificates: [certifyKey(signer.publicKey, 1, root, sha256)],
        bus: (options) => broker.factory(`hub-${life}-${options.will.topic}`)(options),
        brokerAccess: {
          allow: async (node, _network, password) => void credentials.set(node, credentialId(password, sha256)),
          revoke: async (node) => {
            credentials.delete(node)
            revoked.push(node)
          },
          suspend: async (node) => void suspended.add(node),
          resume: async (node) => void suspended.delete(node),
          credential: (node) => credentials.get(node),
        },
        broker: { url: 'mqtts://broker.test:8883', webSocketPath: '/mqtt' },
        ...change,
        ...more,
      },
      store,
    )
    hub.watch((event) => void events.push(event))
    return hub
  }
  let hub = make({})

  const network = (): NetworkId => {
    const id = store.networks()[0]?.id
    if (id === undefined) throw new HoldfastError('not-found', 'no network')
    return id
  }
  const published = () => {
    const held = store.published(network())
    if (held === undefined) throw new HoldfastError('not-found', 'nothing published')
    return held
  }
  const head = (): Head => openHead(published().head, trustedKeys([signer.publicKey], sha256), verify)
  const pass = (ms = 100): Promise<void> => clock.advanceAsync(ms)
  const say: World['say'] = async (node, channel, payload) => {
    broker.inject({ topic: topics.node(network(), node, channel), payload, retain: channel !== 'req' })
    await settle()
  }
  const token = (spec: object = {}): string =>
    hub.createToken(parseWith(tokenSpec, { uses: 1_000, ...spec }), admin).token

  return {
    clock,
    broker,
    store,
    log,
    revoked,
    suspended,
    events,
    get hub() {
      return hub
    },
    hashes: () => hashes,
    async start() {
      await hub.start()
      await pass()
    },
    crash() {
      for (const { id } of store.networks()) broker.kill(`hub-${lives}-${topics.hub(id)}`)
    },
    async restart(more = {}) {
      hub = make(more)
      await hub.start()
      await pass()
    },
    token,
    join: (seed, name, word = token()) => hub.enrol(enrolRequest(word, device(seed), name)),
    network,
    head,
    records() {
      const { records } = published()
      const tree = new MerkleTree(sha256)
      for (const [id, bytes] of records) tree.put(id, sha256(bytes))
      if (toHex(tree.root()) !== head().root) throw new HoldfastError('bad-root', 'records do not hash to the head')
      return [...records.keys()].filter((id) => !id.startsWith('key/')).sort()
    },
    version: () => published().version,
    say,
    presence: (node, online, session = session1) => say(node, 'presence', encodePresence({ online, session })),
    acknowledge: (node, version = published().version, health = [], words = understands) =>
      say(node, 'status', statusReport(version, health, {}, words)),
    takeBack(node, version, certain = true) {
      const held = published().version
      const quarantine = { version: held, since: 1, check: 'hub', detail: 'the link to the hub is lost', certain }
      return say(node, 'status', statusReport(version, [], { held, quarantine }))
    },
    hold: (node, version) => say(node, 'status', statusReport(version, [], { held: published().version })),
    async fact(seed, seq, about) {
      const { nodeId, signer: own } = device(seed)
      const fact: Fact = {
        node: about ?? nodeId,
        boot: 1,
        seq,
        candidates: [],
        observed: [],
        relays: [],
        natType: 'unknown',
        at: 1,
      }
      await say(about ?? nodeId, 'fact', sealFact(fact, own, sha256))
    },
    async ask(node, request) {
      const id = base32(sha256(utf8(String(++asked))), 16)
      const from = broker.published.length
      await say(node, 'req', encodeRequest({ ...request, id }))
      await pass()
      const assembly = new Assembly(id)
      for (const { topic, payload } of broker.published.slice(from)) {
        if (topic !== topics.rsp(network(), node)) continue
        const whole = assembly.add(parseChunk(payload))
        if (whole === undefined) continue
        const frame = whole.deflated.length === 0 ? whole.deflated : new Uint8Array(inflateRawSync(whole.deflated))
        return { kind: whole.kind, frame }
      }
      throw new HoldfastError('unreachable', `no answer to ${fromUtf8(encodeRequest({ ...request, id }))}`)
    },
    pass,
  }
}

/** The node record as the hub signed it. */
export function recordOf(world: World, id: string): Record<string, unknown> {
  const bytes = world.store.published(world.network())?.records.get(id)
  if (bytes === undefined) throw new HoldfastError('not-found', `no record ${id}`)
  return (JSON.parse(fromUtf8(bytes)) as { body: Record<string, unknown> }).body
}
