// A build of the agent from the hub, over HTTPS that the pinned authority proves: from where an earlier try was cut off.

import { type IncomingMessage, request } from 'node:http'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { accepted, type HubContact, pinned } from '../../shared/host/hub-anchor.ts'
import { requestPinned } from '../../shared/host/pinned-http.ts'
import { connectPinned } from '../../shared/host/pinned-tls.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { downloadPath, downloadProofBytes, formatDownloadProof } from '../../shared/wire/download.ts'
import { anchorPin } from '../../shared/wire/enrol.ts'
import { challengeSchema } from '../../shared/wire/renew.ts'
import type { Identity } from '../identity.ts'
import { type DeviceProof, shownLinks } from './hub-exchange.ts'

/** A link that brings nothing for so long is lost. */
const SILENCE_MS = 30_000
/** Of a refusal. */
const WORDS_BYTES_MAX = 16 << 10

function silent(): HoldfastError {
  return new HoldfastError('unreachable', `nothing came for ${SILENCE_MS / 1_000} s`)
}

export interface Download {
  /** Bytes from there on follow; 0 where the hub begins anew. */
  readonly from: number
  readonly parts: AsyncIterable<Buffer>
}

async function refusal(response: IncomingMessage, { hub }: HubContact): Promise<HoldfastError> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > WORDS_BYTES_MAX) break
    parts.push(part)
  }
  try {
    accepted(
      { status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown },
      hub,
    )
  } catch (error) {
    if (error instanceof HoldfastError) return error
  }
  return new HoldfastError('failed', `${hub.url} answered with status ${response.statusCode}: is this a hub?`)
}

async function* heard(response: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const part of response as AsyncIterable<Buffer>) yield part
  } catch (cause) {
    throw new HoldfastError('unreachable', `the download was cut off: ${(cause as Error).message}`, { cause })
  }
}

/** Throws `forbidden` for who is no member, `not-found` where the hub has no such file, `unreachable`. */
export async function openDownload(
  contact: HubContact,
  { anchor, nodeId }: Pick<Identity, 'anchor' | 'nodeId'>,
  { links, signer }: DeviceProof,
  file: { readonly sha256: string; readonly from: number },
): Promise<Download> {
  const to = pinned(contact, anchor)
  const asked = await requestPinned({ ...to, method: 'GET', path: `/api/v1/enrol/challenge/${nodeId}` })
  const { challenge } = parseWith(challengeSchema, accepted(asked, contact.hub))
  const proof = toBase64(signer.sign(downloadProofBytes(nodeId, fromBase64(challenge), anchorPin(anchor, sha256))))
  const { socket } = await connectPinned(to)
  socket.setTimeout(SILENCE_MS, () => socket.destroy(silent()))
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request(
      {
        createConnection: () => socket,
        method: 'GET',
        path: downloadPath(file.sha256),
        headers: {
          host: contact.hub.url.slice('https://'.length),
          connection: 'close',
          authorization: formatDownloadProof({ nodeId, challenge, proof, ...shownLinks(links) }),
          ...(file.from === 0 ? {} : { range: `bytes=${file.from}-` }),
        },
      },
      resolve,
    )
    outgoing.once('error', (cause) =>
      reject(new HoldfastError('unreachable', `the hub did not answer: ${cause.message}`, { cause })),
    )
    outgoing.end()
  })
  if (response.statusCode !== 200 && response.statusCode !== 206) throw await refusal(response, contact)
  return { from: response.statusCode === 206 ? file.from : 0, parts: heard(response) }
}
