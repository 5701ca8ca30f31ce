// Root keys, and how one follows another. A device pins the root that it joined under; a link names the next one and bears two
// signatures: the old root's, so that nobody else may name it, and the new one's, so that it is a key that somebody has.
//
// Links form a chain. Whoever pins any root of it gets to its end by himself, however long he was away: from a set of records,
// which brings the whole chain, by whatever way it comes.

import * as v from 'valibot'
import { fromBase64, sameBytes, toBase64 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { parseDeviceKey } from '../ids.ts'
import { integer, text } from '../intent/field.ts'
import { rootLinksMax } from '../limits.ts'
import { encodeCanonical } from './canonical.ts'
import { keyIdOf, trustedKeys } from './envelope.ts'
import { signatures, signBeside, signersOf } from './signatures.ts'

const rootLink = v.pipe(
  v.strictObject({
    /** Of `next`; rises with each change, 0 is the root that the hub began with. */
    serial: integer(1, Number.MAX_SAFE_INTEGER),
    /** Ed25519 public keys, base64. */
    root: text(parseDeviceKey, 'ed25519-key'),
    next: text(parseDeviceKey, 'ed25519-key'),
    /** Milliseconds since the Unix epoch, for people. */
    issuedAt: integer(0, Number.MAX_SAFE_INTEGER),
  }),
  v.check(({ next, root }) => next !== root, 'names itself as the next'),
)
type RootLink = v.InferOutput<typeof rootLink>

export const signedRoot = v.strictObject({ link: rootLink, signatures })
export type SignedRoot = v.InferOutput<typeof signedRoot>

export const rootChain = v.pipe(v.array(signedRoot), v.maxLength(rootLinksMax))

/** A root, and how many there were before it as far as is known. */
export interface RootPin {
  /** Ed25519 public key, 32 bytes. */
  readonly key: Uint8Array
  readonly serial: number
}

interface RootScope {
  readonly sha256: Sha256
  readonly verify: Verify
}

export function signRoot(link: RootLink, root: Signer, next: Signer, sha256: Sha256): SignedRoot {
  const bytes = encodeCanonical(link)
  return { link, signatures: [root, next].map((signer) => signBeside('root', bytes, signer, sha256)) }
}

/** True if both roots signed it. */
function isSigned({ link, signatures: given }: SignedRoot, { sha256, verify }: RootScope): boolean {
  const keys = trustedKeys([fromBase64(link.root), fromBase64(link.next)], sha256)
  return signersOf('root', encodeCanonical(link), given, keys, verify).size === 2
}

/** The links that lead on from `pin`, one of each root that they lead to. */
function linksFrom(pin: RootPin, offered: readonly SignedRoot[], scope: RootScope): readonly SignedRoot[] {
  const root = toBase64(pin.key)
  const good = offered.filter((one) => one.link.root === root && one.link.serial > pin.serial && isSigned(one, scope))
  return [...new Map(good.map((one) => [one.link.next, one])).values()]
}

function refuseFork(pin: RootPin, sha256: Sha256): HoldfastError {
  return new HoldfastError('untrusted', `two root keys are named to follow ${keyIdOf(pin.key, sha256)}`, {
    remedy: 'Somebody has the former root key, or it was rotated on two copies of the hub. Neither is followed.',
  })
}

/**
 * How far `offered` leads from `pin`, in any order: `pin` itself where nothing in it follows. Throws `untrusted` at a fork and
 * `too-large` beyond the bound.
 */
export function followRoots(pin: RootPin, offered: readonly SignedRoot[], scope: RootScope): RootPin {
  if (offered.length > rootLinksMax) {
    throw new HoldfastError('too-large', `a chain of ${offered.length} root keys was offered, at most ${rootLinksMax}`)
  }
  let reached = pin
  // Serials rise, so it ends.
  for (;;) {
    const [next, other] = linksFrom(reached, offered, scope)
    if (next === undefined) return reached
    if (other !== undefined) throw refuseFork(reached, scope.sha256)
    reached = { key: fromBase64(next.link.next), serial: next.link.serial }
  }
}

/** The roots that lead to `key` by `chain`, from the oldest; throws `untrusted` where it is not whole. */
export function rootsBefore(key: Uint8Array, chain: readonly SignedRoot[], scope: RootScope): readonly Uint8Array[] {
  const former = chain.map(({ link }) => fromBase64(link.root))
  const first = former[0]
  const last = first === undefined ? key : followRoots({ key: first, serial: 0 }, chain, scope).key
  const isWhole = chain.every(({ link }, at) => at === 0 || chain[at - 1]?.link.next === link.root)
  if (sameBytes(last, key) && isWhole) return former
  throw new HoldfastError('untrusted', `the chain of root keys does not lead to ${keyIdOf(key, scope.sha256)}`)
}
