// Certificates for tests: authorities and server certificates with any name and any dates. Just enough DER for that.

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { hubServerName } from '../wire/enrol.ts'

const DAY_MS = 86_400_000
/** Certificates of tests are issued here unless they say otherwise. */
export const issuedAt = 1_800_000_000_000

export interface Pem {
  readonly key: string
  readonly cert: string
}

export interface FakeAuthority {
  readonly der: Uint8Array
  /** PEM key and certificate for a TLS server. */
  issue(leaf?: { name?: string; from?: number; to?: number; ca?: boolean }): Pem
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const size = content.length
  // As short as it can be told, else it is not DER, and browsers turn away.
  const length = size < 0x80 ? [size] : size < 0x1_00 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const ECDSA_SHA256 = der(0x30, oid('2a8648ce3d040302'))
const bits = (content: Uint8Array): Buffer => der(0x03, Buffer.from([0]), content)

function title(commonName: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(commonName)))))
}

/** UTCTime until 2049, as browsers insist on, and GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return text < '2050' ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text))
}

/** A DNS name, or an IPv4 address (RFC 5280 §4.2.1.6). */
function generalName(host: string): Buffer {
  return isIPv4(host) ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host))
}

function extensions(ca: boolean, host: string | undefined): Buffer {
  const constraints = der(0x30, oid('551d13'), der(0x04, der(0x30, ...(ca ? [der(0x01, Buffer.from([0xff]))] : []))))
  const names = host === undefined ? [] : [der(0x30, oid('551d11'), der(0x04, der(0x30, generalName(host))))]
  return der(0xa3, der(0x30, constraints, ...names))
}

interface Request {
  readonly subject: string
  readonly key: KeyObject
  readonly issuerKey: KeyObject
  readonly issuer: string
  readonly from: number
  readonly to: number
  readonly ca: boolean
  readonly host?: string
}

function certificate(request: Request): Buffer {
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([0x40]), randomBytes(8)),
    ECDSA_SHA256,
    title(request.issuer),
    der(0x30, time(request.from), time(request.to)),
    title(request.subject),
    request.key.export({ format: 'der', type: 'spki' }),
    extensions(request.ca, request.host),
  )
  return der(0x30, body, ECDSA_SHA256, bits(sign('sha256', body, request.issuerKey)))
}

export function createFakeAuthority(issuer = 'Test authority', since = issuedAt): FakeAuthority {
  const own = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const common = { issuer, issuerKey: own.privateKey }
  const dates = { from: since, to: issuedAt + 3_650 * DAY_MS }
  return {
    der: certificate({ ...common, ...dates, subject: issuer, key: own.publicKey, ca: true }),
    issue({ name = hubServerName, from = issuedAt, to = issuedAt + 30 * DAY_MS, ca = false } = {}) {
      const leaf = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      const bytes = certificate({ ...common, subject: 'Test', key: leaf.publicKey, from, to, ca, host: name })
      return {
        key: leaf.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
        cert: `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`,
      }
    },
  }
}
