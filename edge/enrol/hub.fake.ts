// A hub that only enrols: real TLS, real signatures, one network with the device as its one member.

import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { parseAddress } from '../../shared/address/cidr.ts'
import { fromBase64, fromBase64Url, sameBytes, toBase64, toHex } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/effects.ts'
import { createFakeAuthority, issuedAt } from '../../shared/host/certificates.fake.ts'
import { generateSigningSeed, sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { base32, parseDeviceKey, parseName, parseNetworkId, parseNodeId } from '../../shared/ids.ts'
import { networkSpec } from '../../shared/intent/network.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { encodeCanonical } from '../../shared/record/canonical.ts'
import { encodeSnapshot } from '../../shared/record/delta.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { signHead } from '../../shared/record/head.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import { encodeRecord } from '../../shared/record/record.ts'
import {
  type Anchor,
  anchorPin,
  type EnrolReply,
  type EnrolRequest,
  enrolProofBytes,
  enrolRequestSchema,
  formatJoinToken,
} from '../../shared/wire/enrol.ts'
import { understandsHeader } from '../../shared/wire/understands.ts'

const network = parseNetworkId('aaaaaaaaaaaa')

export interface FakeHub {
  readonly url: string
  readonly token: string
  /** Requests that were accepted or put off, in order. */
  readonly requests: EnrolRequest[]
  /** What the devices said that they understand, beside each. */
  readonly understood: (string | undefined)[]
  /** Bodies of goodbyes. */
  readonly goodbyes: unknown[]
  /** Answers with 202 this many times before it enrols. */
  pendingLeft: number
  /** Spoils the snapshot on its way. */
  spoil: boolean
  /** Signs a record of a kind that nobody knows yet. */
  newer: boolean
  close(): Promise<void>
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  return JSON.parse(Buffer.concat(parts).toString())
}

function snapshotOf(request: EnrolRequest, signer: Signer, newer: boolean): Buffer {
  const name = request.name ?? parseName('fresh')
  const nodeId = parseNodeId(base32(sha256(fromBase64(request.deviceKey)), 16))
  const { labels, wgKey, deviceKey } = request
  const addresses = [parseAddress('10.90.0.2')]
  const node = { nodeId, name, labels, wgKey, deviceKey, addresses, advertise: [] }
  const mesh = parseName('mesh')
  const spec = parseWith(networkSpec, { cidr: '10.90.0.0/24' })
  const records = new Map<string, Uint8Array>([
    [`network/${mesh}`, encodeRecord({ kind: 'network', id: `network/${mesh}`, body: { name: mesh, spec } })],
    [`node/${name}`, encodeRecord({ kind: 'node', id: `node/${name}`, body: node })],
  ])
  if (newer) records.set('teapot/x', encodeCanonical({ id: 'teapot/x', body: {} }))
  const tree = new MerkleTree(sha256)
  for (const [id, bytes] of records) tree.put(id, sha256(bytes))
  const head = { network, epoch: 1, revision: 1, root: toHex(tree.root()), count: records.size, issuedAt }
  const envelope = signHead({ ...head, keyId: keyIdOf(signer.publicKey, sha256) }, signer, sha256)
  return Buffer.from(encodeSnapshot(records, envelope))
}

/** `strangerTls`: serves with a certificate of another authority than the one in its anchor. */
export async function startFakeHub(options: { strangerTls?: boolean } = {}): Promise<FakeHub> {
  const authority = createFakeAuthority()
  const root = signerFromSeed(generateSigningSeed())
  const signer = signerFromSeed(generateSigningSeed())
  const anchor: Anchor = { rootKey: parseDeviceKey(toBase64(root.publicKey)), tlsAuthority: toBase64(authority.der) }
  const secret = { id: 'abcdefgh', secret: new Uint8Array(32).fill(7), pin: anchorPin(anchor, sha256) }
  const keys = [toBase64(certifyKey(signer.publicKey, issuedAt, root, sha256))]

  const enrol = (body: unknown, said: string | undefined): { status: number; reply: unknown } => {
    const request = parseWith(enrolRequestSchema, body)
    const { proof, secret: word, ...rest } = request
    const proven = verify(fromBase64(request.deviceKey), enrolProofBytes(rest, secret.pin), fromBase64(proof))
    if (!proven || !sameBytes(fromBase64Url(word), secret.secret)) {
      return { status: 403, reply: { error: { code: 'forbidden', message: 'the token is not valid', remedy: 'Ask.' } } }
    }
    hub.requests.push(request)
    hub.understood.push(said)
    const name = request.name ?? parseName('fresh')
    const nodeId = parseNodeId(base32(sha256(fromBase64(request.deviceKey)), 16))
    if (hub.pendingLeft-- > 0) return { status: 202, reply: { state: 'pending', nodeId, name, retryAfterS: 0 } }
    const snapshot = snapshotOf(request, signer, hub.newer)
    if (hub.spoil) snapshot[snapshot.length - 2] = (snapshot[snapshot.length - 2] ?? 0) ^ 1
    const broker = { url: '', webSocketPath: '/mqtt', username: nodeId, password: 'secret-of-the-broker' }
    const base = { state: 'enrolled', nodeId, name, network: { id: network, name: parseName('mesh') } } as const
    return { status: 200, reply: { ...base, keys, broker, snapshot: snapshot.toString('base64') } satisfies EnrolReply }
  }

  const server = createServer(
    (options.strangerTls === true ? createFakeAuthority() : authority).issue(),
    (request, response) => {
      const answer = async (): Promise<{ status: number; reply: unknown }> => {
        if (request.url === '/api/v1/enrol/anchor') return { status: 200, reply: anchor }
        if (request.method !== 'POST') return { status: 404, reply: {} }
        if (request.url === '/api/v1/enrol')
          return enrol(await readBody(request), request.headers[understandsHeader]?.toString())
        hub.goodbyes.push(await readBody(request))
        return { status: 200, reply: { state: 'left' } }
      }
      void answer().then(({ status, reply }) => response.writeHead(status).end(JSON.stringify(reply)))
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const hub: FakeHub = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: formatJoinToken(secret),
    requests: [],
    understood: [],
    goodbyes: [],
    pendingLeft: 0,
    spoil: false,
    newer: false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return hub
}
