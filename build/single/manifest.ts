// What a release says of its files: release.json with its signature, and SHA256SUMS for `sha256sum -c`.

import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, readdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip, createZstdCompress } from 'node:zlib'
import {
  encodeManifest,
  formsOf,
  manifestName,
  type NewManifest,
  type ReleaseFile,
  signatureOf,
} from '../../shared/release/manifest.ts'
import { signManifest } from '../../shared/release/seal.ts'
import type { Origin } from '../programs.ts'
import type { SigningKey } from './signing-key.ts'

/** Level 9 takes three times as long as 6 and saves a hundredth. */
const GZIP_LEVEL = 6
/** A sixth less than gzip in a fifth of its time; 19 would save another eighth for a minute's work. 8 MiB to unpack. */
const ZSTD = {
  [constants.ZSTD_c_compressionLevel]: 9,
  [constants.ZSTD_c_windowLog]: 23,
  [constants.ZSTD_c_checksumFlag]: 1,
}
export const publicKeyName = 'release-key.pem'
export const sumsName = 'SHA256SUMS'

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function contentOf(
  path: string,
): Promise<{ readonly name: string; readonly size: number; readonly sha256: string }> {
  return { name: basename(path), size: statSync(path).size, sha256: await sha256Of(path) }
}

/** Lays `PATH.gz` beside the file: no name and no time in it, so the same file is the same bytes. */
async function pack(path: string): Promise<string> {
  await pipeline(createReadStream(path), createGzip({ level: GZIP_LEVEL }), createWriteStream(`${path}.gz`))
  return `${path}.gz`
}

/** Lays `PATH.zst` beside the file, the same way. */
async function squeeze(path: string): Promise<string> {
  const squeezed = createZstdCompress({ params: ZSTD, pledgedSrcSize: statSync(path).size })
  await pipeline(createReadStream(path), squeezed, createWriteStream(`${path}.zst`))
  return `${path}.zst`
}

export type Listed = Pick<ReleaseFile, 'kind' | 'target'> & { readonly path: string; readonly glibc?: string }

/** `packed`: lies there behind gzip and by Zstandard, too. */
export async function describe({ path, ...rest }: Listed, packed: boolean): Promise<ReleaseFile> {
  const own = await contentOf(path)
  if (!packed) return { ...own, ...rest }
  return { ...own, ...rest, gz: await contentOf(await pack(path)), zst: await contentOf(await squeeze(path)) }
}

export interface SealOptions {
  readonly directory: string
  readonly version: string
  readonly origin: Origin
  readonly files: readonly ReleaseFile[]
  readonly key: SigningKey
}

/** Writes the manifest, its signature and the key, and then the sums of all that lies there. */
export async function sealRelease({ directory, files, key, origin, version }: SealOptions): Promise<void> {
  const manifest: NewManifest = { version, ...origin, files: [...files] }
  const { bytes, signature } = signManifest(encodeManifest(manifest), key.signer)
  writeFileSync(join(directory, manifestName), bytes)
  writeFileSync(join(directory, signatureOf(manifestName)), signature)
  writeFileSync(join(directory, publicKeyName), key.publicPem)
  const contents = files.flatMap(formsOf)
  const known = new Map(contents.map(({ name, sha256 }) => [name, sha256]))
  const names = readdirSync(directory)
    .filter((name) => name !== sumsName)
    .sort()
  const sums: string[] = []
  for (const name of names) sums.push(`${known.get(name) ?? (await sha256Of(join(directory, name)))}  ${name}\n`)
  writeFileSync(join(directory, sumsName), sums.join(''))
}
