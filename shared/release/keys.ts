// Public keys that releases are signed with: Ed25519 alone, one or several in a PEM file (RFC 7468, RFC 8410), as
// `openssl pkey -pubout` prints them. What stands between the keys is for people.

import { fromBase64, sameBytes, toBase64 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { releaseKeysBytesMax, releaseKeysMax } from '../update-limits.ts'

/** What stands before the 32 raw bytes of the key (RFC 8410 §4): whatever else a key may say of its algorithm is refused. */
const SPKI = new Uint8Array([0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00])
const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,64})-----([^-]{0,4096})-----END \1-----/g

function invalid(message: string): HoldfastError {
  return new HoldfastError('invalid', message, {
    remedy: 'Ed25519 public keys in PEM are expected, as in release-key.pem of a release.',
  })
}

function rawKey(kind: string, body: string): Uint8Array {
  if (/PRIVATE/.test(kind)) throw invalid('there is a private key among the release keys')
  if (kind !== 'PUBLIC KEY') throw invalid(`there is a ${kind.toLowerCase()} among the release keys`)
  const der = fromBase64(body.replaceAll(/\s/g, ''))
  if (der.length !== SPKI.length + 32 || !sameBytes(der.subarray(0, SPKI.length), SPKI))
    throw invalid('there is a key of another algorithm among the release keys')
  return der.slice(SPKI.length)
}

/** Raw keys of 32 bytes, in their order. Throws `invalid` unless there is at least one, and nothing else. */
export function parseReleaseKeys(pem: string): readonly Uint8Array[] {
  if (pem.length > releaseKeysBytesMax) {
    throw new HoldfastError('too-large', `the release keys are larger than ${releaseKeysBytesMax} bytes`)
  }
  const keys = [...pem.matchAll(BLOCK)].map(([, kind = '', body = '']) => rawKey(kind, body))
  // A block that is cut short or garbled would otherwise be taken for words.
  if (pem.split('-----BEGIN').length - 1 !== keys.length) throw invalid('a block among the release keys is damaged')
  if (keys.length === 0) throw invalid('there is no release key')
  if (keys.length > releaseKeysMax) throw invalid(`there are more than ${releaseKeysMax} release keys`)
  return keys
}

/** @testonly One block of PEM, with a line end. */
export function formatReleaseKey(publicKey: Uint8Array): string {
  const der = new Uint8Array(SPKI.length + publicKey.length)
  der.set(SPKI)
  der.set(publicKey, SPKI.length)
  return `-----BEGIN PUBLIC KEY-----\n${toBase64(der)}\n-----END PUBLIC KEY-----\n`
}
