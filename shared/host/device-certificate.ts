// The certificate of a device that serves TLS, as a relay does: a fresh P-256 key, signed for by the device key.
//
// Whoever holds the signed record of the device has its device key and needs no authority. The device key itself never
// enters the TLS library, and a TLS key that leaks is worth nothing after the next start. It bears no name and no dates
// (RFC 5280 §4.1.2.5): it lives as long as the process, and clients go by the key alone.

import { generateKeyPairSync } from 'node:crypto'
import type { Server } from 'node:tls'
import { concat, sameBytes } from '../bytes.ts'
import type { Entropy, Signer } from '../effects.ts'
import { bits, boolean, explicit, octets, oid, pemOf, sequence, set, time, unsigned, utf8String } from './der.ts'

const OID = {
  ed25519: '1.3.101.112',
  commonName: '2.5.4.3',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const
const NAME = 'Holdfast device'
/** 9999-12-31 23:59:59: no end. */
const NEVER = 253_402_300_799_000

export interface DeviceCertificate {
  /** PEM, as the TLS library takes it. */
  readonly key: string
  readonly certificate: string
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value))
}

export function makeDeviceCertificate(signer: Signer, entropy: Entropy): DeviceCertificate {
  const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const algorithm = sequence(oid(OID.ed25519))
  const name = sequence(set(sequence(oid(OID.commonName), utf8String(NAME))))
  const serial = entropy.bytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const body = sequence(
    explicit(0, unsigned(Uint8Array.of(2))),
    unsigned(serial),
    algorithm,
    name,
    sequence(time(0), time(NEVER)),
    name,
    pair.publicKey.export({ format: 'der', type: 'spki' }),
    explicit(
      3,
      sequence(
        extension(OID.basicConstraints, true, sequence()),
        // digitalSignature: bit 0.
        extension(OID.keyUsage, true, bits(Uint8Array.of(0x80), 7)),
        extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
      ),
    ),
  )
  return {
    key: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    certificate: pemOf(concat(sequence(body, algorithm, bits(signer.sign(body))))),
  }
}

/** Shows a certificate of the present key from the next call on, where it is another than that of the last one shown. */
export function certificateKeeper(
  server: Pick<Server, 'setSecureContext'>,
  signer: Signer,
  entropy: Entropy,
): () => void {
  let shown = signer.publicKey
  return () => {
    if (sameBytes(shown, signer.publicKey)) return
    shown = signer.publicKey
    const { certificate, key } = makeDeviceCertificate(signer, entropy)
    server.setSecureContext({ key, cert: certificate, minVersion: 'TLSv1.3' })
  }
}
