// Cryptography by known answers: what is signed, agreed and sealed here must be what every other machine makes of it.

import { fromHex, toBase64, toHex, utf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { openAead, sealAead, sha256, sharedSecretWith, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { parseWgKey } from '../../shared/ids.ts'

/** FIPS 180-2, B.1. */
const DIGEST_OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
/** RFC 8032 §7.1, test 2. */
const SEED = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'
const MESSAGE = '72'
const SIGNATURE = [
  '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da',
  '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
].join('')
/** RFC 7748 §5.2: a private key, the other's public key, and what they share. */
const PRIVATE = 'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4'
const OTHER = 'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c'
const SHARED = 'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552'

function same(what: string, seen: string, known: string): void {
  if (seen !== known) throw new HoldfastError('corrupt', `${what}: ${seen} where ${known} is right`)
}

/** Throws where an answer is another. */
export function tryCryptography(): string {
  same('SHA-256', toHex(sha256(utf8('abc'))), DIGEST_OF_ABC)
  const signer = signerFromSeed(fromHex(SEED))
  same('Ed25519', toHex(signer.sign(fromHex(MESSAGE))), SIGNATURE)
  const verified = [MESSAGE, '73'].map((message) => verify(signer.publicKey, fromHex(message), fromHex(SIGNATURE)))
  same('Ed25519 of the right and of another message', verified.join(), 'true,false')
  const [own, other] = [PRIVATE, OTHER].map((key) => toBase64(fromHex(key))) as [string, string]
  same('X25519', toHex(sharedSecretWith(own)(parseWgKey(other))), SHARED)
  const [key, nonce, aad] = [sha256(utf8('key')), new Uint8Array(12), utf8('aad')]
  const sealed = sealAead(key, nonce, utf8('plain'), aad)
  const opened = [aad, utf8('another')].map((one) => toHex(openAead(key, nonce, sealed, one) ?? new Uint8Array()))
  same('ChaCha20-Poly1305, opened, and with other words beside it', opened.join(), `${toHex(utf8('plain'))},`)
  return 'SHA-256, Ed25519, X25519 and ChaCha20-Poly1305 as published'
}
