// A fleet as its devices' disks hold it, made without any hub: signed records, identities, keys and a state database
// each. What a device has that was enrolled long ago and is switched on where no hub can be reached.

import { join } from 'node:path'
import { openTls } from '../../cloud/tls/authority.ts'
import { stateFiles } from '../../edge/host/files.ts'
import type { Identity } from '../../edge/identity.ts'
import { openStore } from '../../edge/store/sqlite.ts'
import type { SetChange } from '../../edge/store/store.ts'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseNamedEndpoint } from '../../shared/address/endpoint.ts'
import { toBase64, toHex } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/effects.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { generateWgPrivateKey, sha256, signerFromSeed, wgPublicKey } from '../../shared/host/crypto.ts'
import { makePrivateDirectory, writeAtomic } from '../../shared/host/files.ts'
import { createLog } from '../../shared/host/log.ts'
import { base32, type NetworkId, parseDeviceKey, parseName, parseNetworkId, parseNodeId } from '../../shared/ids.ts'
import { networkSpec } from '../../shared/intent/network.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { signHead } from '../../shared/record/head.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import { type AnyRecord, encodeRecord, type NodeBody } from '../../shared/record/record.ts'

const NETWORK = '10.81.0.0/16'
/** Documentation addresses (RFC 5737): nobody ever answers there. */
const NOWHERE = '192.0.2.1'

export interface CraftedNode {
  readonly body: NodeBody
  readonly stateDir: string
  /** The node's address in the mesh. */
  readonly meshAddress: string
}

export interface CraftedFleet {
  readonly network: NetworkId
  /** The hub's signing key. */
  readonly signer: Signer
  readonly nodes: readonly CraftedNode[]
}

interface Keys {
  readonly seed: Uint8Array
  readonly wgPrivate: string
  readonly body: NodeBody
}

function makeKeys(index: number, endpoint: string | undefined): Keys {
  const seed = systemEntropy.bytes(32)
  const { publicKey } = signerFromSeed(seed)
  const wgPrivate = generateWgPrivateKey()
  const body: NodeBody = {
    nodeId: parseNodeId(base32(sha256(publicKey), 16)),
    name: parseName(`node-${index}`),
    labels: {},
    wgKey: wgPublicKey(wgPrivate),
    deviceKey: parseDeviceKey(toBase64(publicKey)),
    addresses: [parseAddress(`10.81.${Math.floor(index / 250)}.${(index % 250) + 1}`)],
    ...(endpoint === undefined ? {} : { publicEndpoint: parseNamedEndpoint(endpoint) }),
    advertise: [],
  }
  return { seed, wgPrivate, body }
}

/** As `craftNetwork`, where the nodes are all that matters. */
export function craftFleet(root: string, endpoints: readonly (string | undefined)[]): readonly CraftedNode[] {
  return craftNetwork(root, endpoints).nodes
}

/** One node for each entry of `endpoints`, which is where the others reach it; state directories under `root`. */
export function craftNetwork(root: string, endpoints: readonly (string | undefined)[]): CraftedFleet {
  const [rootKey, signer] = [signerFromSeed(systemEntropy.bytes(32)), signerFromSeed(systemEntropy.bytes(32))]
  const certificate = certifyKey(signer.publicKey, systemClock.now(), rootKey, sha256)
  const network = parseNetworkId(base32(systemEntropy.bytes(10), 12))
  const name = parseName('default')
  const keyId = keyIdOf(signer.publicKey, sha256)
  const nodes = endpoints.map((endpoint, index) => makeKeys(index, endpoint))
  const spec = parseWith(networkSpec, { cidr: NETWORK, defaultPolicy: 'Allow' })
  const all: AnyRecord[] = [
    { kind: 'network', id: `network/${name}`, body: { name, spec } },
    { kind: 'key', id: `key/${keyId}`, body: { envelope: toBase64(certificate) } },
    ...nodes.map(({ body }) => ({ kind: 'node', id: `node/${body.name}`, body }) as const),
  ]
  const put = new Map(all.map((record) => [record.id, encodeRecord(record)]))
  const tree = new MerkleTree(sha256)
  for (const [id, bytes] of put) tree.put(id, sha256(bytes))
  const version = { epoch: 1, revision: 1 }
  const head = { network, ...version, root: toHex(tree.root()), count: put.size, issuedAt: systemClock.now(), keyId }
  const set: SetChange = { head: signHead(head, signer, sha256), version, put, del: 'all' }
  const log = createLog({ level: 'error', format: 'text', now: () => systemClock.now() })
  const tls = openTls({ directory: join(root, 'tls'), hosts: [], clock: systemClock, entropy: systemEntropy, log })
  const identity = ({ body }: Keys): Identity => ({
    nodeId: body.nodeId,
    name: body.name,
    network: { id: network, name },
    hubUrl: `https://${NOWHERE}:8443`,
    anchor: { rootKey: parseDeviceKey(toBase64(rootKey.publicKey)), tlsAuthority: toBase64(tls.authorityDer) },
    keys: [toBase64(certificate)],
    broker: { urls: [`mqtts://${NOWHERE}:8883`], username: body.nodeId, password: 'unused' },
  })
  const crafted = nodes.map((keys) => {
    const files = stateFiles(join(root, keys.body.name))
    makePrivateDirectory(files.directory)
    writeAtomic(files.wgKey, `${keys.wgPrivate}\n`)
    writeAtomic(files.deviceKey, `${toBase64(keys.seed)}\n`)
    const { store } = openStore(files.database, { log })
    store.saveSet(set)
    store.close()
    writeAtomic(files.identity, `${JSON.stringify(identity(keys))}\n`)
    return { stateDir: files.directory, meshAddress: keys.body.addresses[0] ?? '', body: keys.body }
  })
  return { network, signer, nodes: crafted }
}
