// A hub that is lost with its disk comes back from what its devices hold and the keys that were kept elsewhere. The newest set
// that is signed under the root counts, whoever brings it; the hub goes on from it in a new epoch, which outranks every
// revision that any device may have heard beyond.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { toBase64 } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { generateSigningSeed, sha256, signerFromSeed } from '../../shared/host/crypto.ts'
import { inflate } from '../../shared/host/inflate.ts'
import { gossipFileBytesMax } from '../../shared/limits.ts'
import { snapshotFrameMax } from '../../shared/record/delta.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { compareVersion, formatVersion } from '../../shared/record/head.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { carriedSnapshot } from '../../shared/wire/carried.ts'
import { openAccessStore } from '../access/access-store.ts'
import { openHubStore } from '../store/sqlite.ts'
import { openTls } from '../tls/authority.ts'
import { type CarriedSet, openCarriedSet } from './carried-set.ts'
import { makeFreshDirectory } from './fresh-directory.ts'
import { type HubSecrets, readKeys, writeKeys } from './keys.ts'
import { type Rebuilt, rebuild } from './rebuild.ts'

export interface FromNodesOptions {
  /** What `holdfast export` wrote on devices; of any network of the hub. */
  readonly files: readonly string[]
  /** What `keys export` wrote, or a data directory. */
  readonly keys: string
  readonly directory: string
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface FromNodes {
  readonly networks: readonly Rebuilt[]
  /** Files that were no use, with the reason; others were. */
  readonly refused: readonly { readonly file: string; readonly why: string }[]
  /** What had to be made anew under the root key. */
  readonly remade: readonly ('signing key' | 'TLS authority')[]
}

function read(file: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw new HoldfastError('not-found', `cannot read ${file}: ${(cause as Error).message}`, { cause })
  }
  if (bytes.length > gossipFileBytesMax)
    throw new HoldfastError('too-large', `${file} is larger than any file of intent`)
  return bytes
}

interface Opened {
  readonly sets: readonly { readonly file: string; readonly set: CarriedSet }[]
  readonly refused: FromNodes['refused']
}

/** Throws what is wrong with the last file where none is of use. */
function openAll(files: readonly string[], secrets: HubSecrets): Opened {
  const sets: { file: string; set: CarriedSet }[] = []
  const refused: { file: string; why: string }[] = []
  let last: unknown
  for (const file of files) {
    try {
      sets.push({ file, set: openCarriedSet(inflate(carriedSnapshot(read(file)), snapshotFrameMax), secrets) })
    } catch (error) {
      last = error
      refused.push({ file, why: describeError(error) })
    }
  }
  if (sets.length > 0) return { sets, refused }
  if (files.length > 1 || !isHoldfastError(last)) throw last
  const { code, message, remedy } = last
  throw new HoldfastError(code, `${files[0]}: ${message}`, { cause: last, ...(remedy === undefined ? {} : { remedy }) })
}

/**
 * The newest of each network; one under the present root before all others, for a former one may be in other hands.
 * Throws `bad-root` where two differ and claim to be the same revision.
 */
function newest(opened: Opened['sets']): readonly CarriedSet[] {
  const best = new Map<string, Opened['sets'][number]>()
  for (const one of opened) {
    const { head } = one.set
    const held = best.get(head.network)
    const order = held === undefined ? 1 : held.set.rootAge - one.set.rootAge || compareVersion(head, held.set.head)
    if (order > 0) best.set(head.network, one)
    if (order !== 0 || held === undefined || held.set.head.root === head.root) continue
    throw new HoldfastError(
      'bad-root',
      `${held.file} and ${one.file} differ, and both are revision ${formatVersion(head)}`,
      {
        remedy: 'Two hubs have signed for this network. Choose one of the files.',
      },
    )
  }
  return [...best.values()].map(({ set }) => set)
}

/**
 * The key to sign with from now on: the kept one, where devices believe it or would believe it as a newcomer, because the root
 * certified it later than all that they know. Else a new one, certified later still.
 */
function signingKey({ files, root, signing }: HubSecrets, sets: readonly CarriedSet[], now: number) {
  const seed = files['signing.key']
  if (signing !== undefined && seed !== undefined) {
    const kept = keyIdOf(signing.signer.publicKey, sha256)
    const isGood = sets.every(({ keys, newestKeyAt }) => keys.has(kept) || signing.issuedAt > newestKeyAt)
    if (isGood) return { seed: seed.trim(), certificate: signing.certificate, isNew: false }
  }
  const made = generateSigningSeed()
  const known = [signing?.issuedAt ?? 0, ...sets.map(({ newestKeyAt }) => newestKeyAt)]
  const issuedAt = Math.max(now, ...known.map((at) => at + 1))
  const certificate = certifyKey(signerFromSeed(made).publicKey, issuedAt, root, sha256)
  return { seed: toBase64(made), certificate, isNew: true }
}

export function restoreFromNodes(options: FromNodesOptions): FromNodes {
  const { clock, directory, files, log } = options
  const secrets = readKeys(options.keys)
  const { refused, sets: opened } = openAll(files, secrets)
  const sets = newest(opened)
  const signing = signingKey(secrets, sets, clock.now())
  let networks: readonly Rebuilt[] = []
  makeFreshDirectory(directory, (draft) => {
    writeKeys(draft, secrets, signing)
    // Makes another authority where it is lost; devices take it, because the root key signs it.
    openTls({ ...options, directory: join(draft, 'tls'), hosts: [] })
    const store = openHubStore(join(draft, 'hub.db'), log)
    try {
      networks = rebuild(store, sets, options)
    } finally {
      store.close()
    }
    // Empty: devices are given new credentials as they prove themselves, people make new tokens.
    openAccessStore(join(draft, 'access.db')).close()
  })
  const remade = [
    ...(signing.isNew ? (['signing key'] as const) : []),
    ...(secrets.authority === undefined ? (['TLS authority'] as const) : []),
  ]
  return { networks, refused, remade }
}
