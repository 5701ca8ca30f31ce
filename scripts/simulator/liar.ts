// A broker in the wrong hands: replays, mutates, truncates, forges and misdirects what agents and hub listen to. Nothing
// of it may ever change what a node holds or what its kernel does.

import { parseAddress } from '../../shared/address/cidr.ts'
import { toBase64, utf8 } from '../../shared/bytes.ts'
import type { BusMessage, Entropy, Signer } from '../../shared/effects.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import type { NetworkId, NodeId, WgKey } from '../../shared/ids.ts'
import { parseDeviceKey, parseName } from '../../shared/ids.ts'
import { encodeDelta } from '../../shared/record/delta.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { type Head, signHead } from '../../shared/record/head.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import { encodeRecord, type RecordSet } from '../../shared/record/record.ts'
import { type RootPin, signRoot } from '../../shared/record/root.ts'
import { topics } from '../../shared/wire/topics.ts'
import type { SimBroker } from './broker.ts'

export interface Mark {
  readonly network: NetworkId
  readonly node: NodeId
  /** What the hub's set is now, and the head that vouches for it: a broker sees both. */
  readonly records: RecordSet
  readonly head: Uint8Array
  /** The public half of the key that signed it. */
  readonly signedBy: Uint8Array
  /** The root that certified it. */
  readonly root: RootPin
  /** A signing key that every device has left behind. */
  readonly former?: Signer | undefined
  readonly version: { readonly epoch: number; readonly revision: number }
}

export interface Liar {
  /** Tells one lie; returns what kind it was. */
  lie(mark: Mark): string
}

export interface LiarOptions {
  readonly broker: SimBroker
  readonly entropy: Entropy
  /** A key that nobody trusts. */
  readonly signer: Signer
  /** The peer the liar would like everyone to talk to. */
  readonly wgKey: WgKey
  readonly nodeId: NodeId
}

/** Certified later than whatever the hub certifies. */
const FAR_MS = 4_000_000_000_000

type Lie = (mark: Mark) => readonly BusMessage[]

/** What a forged revision changes. */
interface Forged {
  readonly put: ReadonlyMap<string, Uint8Array>
  readonly del: readonly string[]
}

export function createLiar({ broker, entropy, signer, wgKey, nodeId }: LiarOptions): Liar {
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(entropy.fraction() * from.length)]
  const heard = (): BusMessage | undefined => pick(broker.overheard)

  const intruder = encodeRecord({
    kind: 'node',
    id: 'node/intruder',
    body: {
      nodeId,
      name: parseName('intruder'),
      labels: {},
      wgKey,
      deviceKey: parseDeviceKey(toBase64(signer.publicKey)),
      addresses: [parseAddress('10.77.0.250')],
      advertise: [],
    },
  })

  const onlyIntruder: Forged = { put: new Map([['node/intruder', intruder]]), del: [] }

  const forgedHead = (mark: Mark, as: Signer, { del, put }: Forged): Uint8Array => {
    const tree = new MerkleTree(sha256)
    const records = new Map([...mark.records, ...put])
    for (const id of del) records.delete(id)
    for (const [id, bytes] of records) tree.put(id, sha256(bytes))
    const head: Head = {
      network: mark.network,
      epoch: mark.version.epoch,
      revision: mark.version.revision + 1,
      root: [...tree.root()].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
      count: records.size,
      issuedAt: 0,
      keyId: keyIdOf(as.publicKey, sha256),
    }
    return signHead(head, as, sha256)
  }

  const withIntruder = (mark: Mark, head: Uint8Array, forged = onlyIntruder): Uint8Array => {
    const { epoch, revision } = mark.version
    return encodeDelta({ from: mark.version, to: { epoch, revision: revision + 1 }, ...forged }, head)
  }

  /** Another root, which the present one never signed, and a signing key under it: then all else would verify. */
  const usurped = ({ records, root }: Mark): Forged => {
    const [present, own] = [root.key, signer.publicKey].map((key) => parseDeviceKey(toBase64(key))) as [never, never]
    const link = { serial: root.serial + 1, root: present, next: own, issuedAt: 0 }
    const body = signRoot(link, { ...signer, publicKey: root.key }, signer, sha256)
    const keyId = `key/${keyIdOf(signer.publicKey, sha256)}`
    const envelope = toBase64(certifyKey(signer.publicKey, FAR_MS, signer, sha256))
    const put = new Map([
      ...onlyIntruder.put,
      [`root/${link.serial}`, encodeRecord({ kind: 'root', id: `root/${link.serial}`, body })],
      [keyId, encodeRecord({ kind: 'key', id: keyId, body: { envelope } })],
    ])
    return { put, del: [...records.keys()].filter((id) => id.startsWith('key/')) }
  }

  const flip = (bytes: Uint8Array): Uint8Array => {
    const copy = bytes.slice()
    const at = Math.floor(entropy.fraction() * copy.length)
    if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(entropy.fraction() * 8))
    return copy
  }

  const onto = (change: (bytes: Uint8Array) => Uint8Array): Lie => {
    return () => {
      const message = heard()
      return message === undefined ? [] : [{ ...message, payload: change(message.payload) }]
    }
  }

  const pretend = (mark: Mark, as: Signer, forged = onlyIntruder): readonly BusMessage[] => {
    const head = forgedHead(mark, as, forged)
    return [
      { topic: topics.head(mark.network), payload: head, retain: true },
      { topic: topics.delta(mark.network), payload: withIntruder(mark, head, forged) },
    ]
  }

  const lies: Readonly<Record<string, Lie>> = {
    replay: onto((bytes) => bytes),
    mutate: onto(flip),
    truncate: onto((bytes) => bytes.slice(0, Math.floor(entropy.fraction() * bytes.length))),
    noise: onto((bytes) => entropy.bytes(Math.max(1, bytes.length))),
    misdirect: () => {
      const [from, to] = [heard(), heard()]
      return from === undefined || to === undefined ? [] : [{ ...to, payload: from.payload }]
    },
    forge: (mark) => pretend(mark, signer),
    // Under the hub's name, as somebody would who has all but its key.
    impersonate: (mark) => pretend(mark, { ...signer, publicKey: mark.signedBy }),
    relapse: (mark) => (mark.former === undefined ? [] : pretend(mark, mark.former)),
    usurp: (mark) => pretend(mark, signer, usurped(mark)),
    smuggle: (mark) => [{ topic: topics.delta(mark.network), payload: withIntruder(mark, mark.head) }],
    silence: (mark) => [{ topic: topics.head(mark.network), payload: new Uint8Array(0), retain: true }],
    gossip: (mark) => [
      { topic: topics.node(mark.network, mark.node, 'status'), payload: utf8('{"at":-1}') },
      { topic: topics.node(mark.network, nodeId, 'req'), payload: entropy.bytes(40) },
      { topic: topics.hub(mark.network), payload: utf8('{"online":false,"session":"aaaaaaaaaaaaaaaa"}') },
    ],
  }
  const names = Object.keys(lies)
  return {
    lie(mark) {
      const name = pick(names) ?? 'replay'
      for (const message of lies[name]?.(mark) ?? []) broker.inject(message)
      return name
    },
  }
}
