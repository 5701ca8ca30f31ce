// A device that joins a running hub over its own HTTPS, for tests that need what a device is given.

import { X509Certificate } from 'node:crypto'
import { toBase64, toBase64Url } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { generateSigningSeed, generateWgPrivateKey, signerFromSeed, wgPublicKey } from '../../shared/host/crypto.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { requestPinned } from '../../shared/host/pinned-http.ts'
import { parseDeviceKey, parseName } from '../../shared/ids.ts'
import { snapshotBytesMax } from '../../shared/limits.ts'
import { type EnrolReply, enrolProofBytes, parseJoinToken } from '../../shared/wire/enrol.ts'
import type { Server } from './server.ts'

export type Enrolled = Extract<EnrolReply, { state: 'enrolled' }> & { readonly authorityDer: Uint8Array }

/** A new device asks to join, under `name` if one is given. */
export async function enrolDevice(
  server: Pick<Server, 'paths' | 'url'>,
  name?: string,
): Promise<{ readonly reply: EnrolReply; readonly authorityDer: Uint8Array }> {
  const { paths, url } = server
  const authorityDer = new Uint8Array(new X509Certificate(readIfThere(`${paths.tls}/authority.crt`) ?? '').raw)
  const call = async (path: string, body: unknown): Promise<unknown> => {
    const at = new URL(url)
    const answer = await requestPinned({
      host: at.hostname,
      port: Number(at.port),
      timeoutMs: 30_000,
      authorityDer,
      now: systemClock.now(),
      floor: 0,
      method: 'POST',
      path,
      headers: { authorization: `Bearer ${readIfThere(paths.cliToken)?.trim()}` },
      bodyMax: 2 * snapshotBytesMax,
      body,
    })
    return answer.body
  }
  const made = (await call('/api/v1/tokens', {})) as { token: string }
  const { id: tokenId, pin, secret } = parseJoinToken(made.token)
  const device = signerFromSeed(generateSigningSeed())
  const wgKey = wgPublicKey(generateWgPrivateKey())
  const deviceKey = parseDeviceKey(toBase64(device.publicKey))
  const named = name === undefined ? {} : { name: parseName(name) }
  const request = { tokenId, labels: {}, wgKey, deviceKey, ...named }
  const proof = toBase64(device.sign(enrolProofBytes(request, pin)))
  const reply = (await call('/api/v1/enrol', { ...request, secret: toBase64Url(secret), proof })) as EnrolReply
  return { reply, authorityDer }
}

export async function testEnrolment(server: Pick<Server, 'paths' | 'url'>): Promise<Enrolled> {
  const { authorityDer, reply } = await enrolDevice(server)
  if (reply.state !== 'enrolled') throw new HoldfastError('failed', JSON.stringify(reply))
  return { ...reply, authorityDer }
}
