// The few secrets that no device can give back: the root key that devices pin, the key that signs for it, and the TLS authority.
// Small and hardly ever changed, they fit on a stick in a safe; with them and what any device holds, a hub that is lost for
// good comes back (`restore --from-node`).

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as v from 'valibot'
import { fromBase64, sameBytes, toBase64 } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { makePrivateDirectory, readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { readKeyCertificate } from '../../shared/record/keys.ts'
import type { SignedRoot } from '../../shared/record/root.ts'
import { parseRootChain, rootChainFile } from '../tls/root-chain.ts'
import { settleStaged } from '../tls/staged-files.ts'

/** By their paths in the data directory. */
const needed = ['root.key'] as const
/** Others can be made: the root key vouches for them. */
const replaceable = ['signing.key', 'signing.crt', 'tls/authority.key', 'tls/authority.crt', rootChainFile] as const

const text = v.pipe(v.string(), v.maxLength(64 << 10))
const bundle = v.strictObject({
  format: v.literal('holdfast-hub keys 1'),
  exportedAt: v.string(),
  files: v.strictObject({
    ...(Object.fromEntries(needed.map((name) => [name, text])) as Record<(typeof needed)[number], typeof text>),
    ...(Object.fromEntries(replaceable.map((name) => [name, v.optional(text)])) as Record<
      (typeof replaceable)[number],
      v.OptionalSchema<typeof text, undefined>
    >),
  }),
})
type KeyFiles = v.InferOutput<typeof bundle>['files']

export interface HubSecrets {
  readonly root: Signer
  /** What leads to it from former ones. */
  readonly roots: readonly SignedRoot[]
  /** The signing key and its certificate by the root; undefined where they are lost. */
  readonly signing: { readonly signer: Signer; readonly certificate: Uint8Array; readonly issuedAt: number } | undefined
  /** Undefined where it is lost. */
  readonly authority: { readonly key: string; readonly certificate: string } | undefined
  readonly files: KeyFiles
}

function readDirectory(directory: string): unknown {
  settleStaged(directory)
  const files = [...needed, ...replaceable].flatMap((name) => {
    const held = readIfThere(join(directory, name))
    return held === undefined ? [] : [[name, held] as const]
  })
  return Object.fromEntries(files)
}

function parseFiles(files: unknown, from: string): KeyFiles {
  const there = new Set(Object.keys(files as object))
  const gone = needed.filter((name) => !there.has(name))
  if (gone.length > 0) {
    throw new HoldfastError('not-found', `${gone.join(', ')} is missing in ${from}`, {
      remedy: 'Devices pin the root key: without it, they have to join a new hub.',
    })
  }
  return parseWith(bundle.entries.files, files)
}

function openAuthority(files: KeyFiles): HubSecrets['authority'] {
  const { 'tls/authority.crt': certificate, 'tls/authority.key': key } = files
  if (certificate === undefined || key === undefined) return undefined
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
    throw new HoldfastError('corrupt', 'tls/authority.key and tls/authority.crt do not belong together')
  }
  return { key, certificate }
}

function openSigning(files: KeyFiles, root: Signer): HubSecrets['signing'] {
  const { 'signing.crt': certificate, 'signing.key': seed } = files
  if (certificate === undefined || seed === undefined) return undefined
  const signer = signerFromSeed(fromBase64(seed.trim()))
  const envelope = fromBase64(certificate.trim())
  const { issuedAt, publicKey } = readKeyCertificate(envelope, root.publicKey, verify, sha256)
  // Cut off in the midst of a rotation: as good as lost.
  return sameBytes(publicKey, signer.publicKey) ? { signer, certificate: envelope, issuedAt } : undefined
}

function open(files: KeyFiles, from: string): HubSecrets {
  try {
    const root = signerFromSeed(fromBase64(files['root.key'].trim()))
    const roots = parseRootChain(files[rootChainFile], root.publicKey, from)
    return { root, roots, signing: openSigning(files, root), authority: openAuthority(files), files }
  } catch (cause) {
    throw new HoldfastError('corrupt', `the keys in ${from} cannot be used: ${describeError(cause)}`, {
      cause,
      remedy: 'Give what `holdfast-hub keys export` wrote, or the data directory of the hub that is lost.',
    })
  }
}

/** From a file of `keys export`, or from a data directory. Throws where they are not whole or do not fit together. */
export function readKeys(path: string): HubSecrets {
  if (!existsSync(path)) throw new HoldfastError('not-found', `there is no ${path}`)
  if (statSync(path).isDirectory()) return open(parseFiles(readDirectory(path), path), path)
  let files: unknown
  try {
    files = parseWith(bundle, JSON.parse(readIfThere(path) ?? '')).files
  } catch (cause) {
    throw new HoldfastError('corrupt', `${path} is no file of a hub’s keys: ${describeError(cause)}`, {
      cause,
      remedy: 'Give what `holdfast-hub keys export` wrote, whole.',
    })
  }
  return open(parseFiles(files, path), path)
}

/** Also while the hub runs: keys are written whole and hardly ever. */
export function exportKeys(directory: string, file: string, now: number): void {
  const target = resolve(file)
  if (existsSync(target)) {
    throw new HoldfastError('conflict', `${target} is there already`, { remedy: 'Choose another name.' })
  }
  const { files } = readKeys(directory)
  const whole = { format: 'holdfast-hub keys 1', exportedAt: new Date(now).toISOString(), files }
  writeAtomic(target, `${JSON.stringify(whole, undefined, 2)}\n`)
}

/** Lays the keys into a data directory as they are; without a signing key where there is none that counts. */
export function layKeys(directory: string, { authority, files, signing }: HubSecrets): void {
  makePrivateDirectory(join(directory, 'tls'))
  writeAtomic(join(directory, 'root.key'), files['root.key'])
  if (files[rootChainFile] !== undefined) writeAtomic(join(directory, rootChainFile), files[rootChainFile])
  if (signing !== undefined && files['signing.key'] !== undefined) {
    writeAtomic(join(directory, 'signing.key'), files['signing.key'])
    writeAtomic(join(directory, 'signing.crt'), `${toBase64(signing.certificate)}\n`)
  }
  if (authority === undefined) return
  writeAtomic(join(directory, 'tls', 'authority.key'), authority.key)
  writeAtomic(join(directory, 'tls', 'authority.crt'), authority.certificate)
}

/** As `layKeys`. `signing`: what signs from now on. */
export function writeKeys(
  directory: string,
  secrets: HubSecrets,
  signing: { readonly seed: string; readonly certificate: Uint8Array },
): void {
  layKeys(directory, secrets)
  writeAtomic(join(directory, 'signing.key'), `${signing.seed}\n`)
  writeAtomic(join(directory, 'signing.crt'), `${toBase64(signing.certificate)}\n`)
}
