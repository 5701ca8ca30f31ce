// X.509 v3 certificates (RFC 5280) over ECDSA P-256: the hub's own authority, and what it issues to the hub.

import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { tryParseIp } from '../../shared/address/ip.ts'
import { concat, utf8 } from '../../shared/bytes.ts'
import type { Entropy } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import {
  bits,
  boolean,
  explicit,
  implicit,
  octets,
  oid,
  sequence,
  set,
  time,
  unsigned,
  utf8String,
} from '../../shared/host/der.ts'

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAlternativeName: '2.5.29.17',
  subjectKeyId: '2.5.29.14',
  authorityKeyId: '2.5.29.35',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const

export interface CertificateRequest {
  readonly subject: string
  readonly issuer: string
  readonly publicKey: KeyObject
  readonly issuerKey: KeyObject
  readonly notBefore: number
  readonly notAfter: number
  /** Absent for an authority, which names no host. */
  readonly hosts?: readonly string[]
}

function name(commonName: string): Uint8Array {
  return sequence(set(sequence(oid(OID.commonName), utf8String(commonName))))
}

function spki(key: KeyObject): Uint8Array {
  return key.export({ format: 'der', type: 'spki' })
}

/** SHA-1 of the public point, method 1 of RFC 5280 §4.2.1.2: a label, not a protection. */
function keyIdentifier(key: KeyObject): Uint8Array {
  const point = spki(key).subarray(-65)
  return createHash('sha1').update(point).digest()
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value))
}

function ipBytes(text: string): Uint8Array | undefined {
  const ip = tryParseIp(text)
  if (ip === undefined) return undefined
  const length = ip.family === 4 ? 4 : 16
  return Uint8Array.from({ length }, (_, i) => Number((ip.value >> BigInt(8 * (length - 1 - i))) & 0xffn))
}

function alternativeNames(hosts: readonly string[]): Uint8Array {
  return sequence(
    ...hosts.map((host) => {
      const ip = ipBytes(host)
      return ip === undefined ? implicit(2, utf8(host)) : implicit(7, ip)
    }),
  )
}

function extensions(request: CertificateRequest): Uint8Array {
  const own = extension(OID.subjectKeyId, false, octets(keyIdentifier(request.publicKey)))
  const issuer = sequence(implicit(0, keyIdentifier(createPublicKey(request.issuerKey))))
  const common = [own, extension(OID.authorityKeyId, false, issuer)]
  if (request.hosts === undefined) {
    return sequence(
      // An authority that may sign leaves only, no further authorities.
      extension(OID.basicConstraints, true, sequence(boolean(true), unsigned(Uint8Array.of(0)))),
      // keyCertSign and cRLSign: bits 5 and 6 of seven.
      extension(OID.keyUsage, true, bits(Uint8Array.of(0x06), 1)),
      ...common,
    )
  }
  return sequence(
    extension(OID.basicConstraints, true, sequence()),
    // digitalSignature: bit 0.
    extension(OID.keyUsage, true, bits(Uint8Array.of(0x80), 7)),
    extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
    extension(OID.subjectAlternativeName, false, alternativeNames(request.hosts)),
    ...common,
  )
}

/** DER of a certificate signed by the issuer's key. */
export function issueCertificate(request: CertificateRequest, entropy: Entropy): Uint8Array {
  if (request.publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new HoldfastError('unsupported', 'certificates are issued for P-256 keys only')
  }
  const algorithm = sequence(oid(OID.ecdsaWithSha256))
  // A positive number of 127 bits that is never zero (RFC 5280 §4.1.2.2).
  const serial = entropy.bytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const body = sequence(
    explicit(0, unsigned(Uint8Array.of(2))),
    unsigned(serial),
    algorithm,
    name(request.issuer),
    sequence(time(request.notBefore), time(request.notAfter)),
    name(request.subject),
    spki(request.publicKey),
    explicit(3, extensions(request)),
  )
  const signature = sign('sha256', body, request.issuerKey)
  return concat(sequence(body, algorithm, bits(signature)))
}
