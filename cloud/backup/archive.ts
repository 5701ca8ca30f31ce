// What a backup consists of, and the tar file it travels in. `tar` itself packs and unpacks: it is on every system, and
// a person can look into the file with it.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { toHex } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { rootChainFile } from '../tls/root-chain.ts'

/** Every file of a backup but the manifest, by its path in the data directory. */
export const backupFiles = [
  'hub.db',
  'access.db',
  'root.key',
  'signing.key',
  'signing.crt',
  'tls/authority.key',
  'tls/authority.crt',
  'tls/hub.key',
  'tls/hub.crt',
] as const

/** Those that only some hubs have. */
const occasionalFiles = [rootChainFile] as const

/** The files of a backup that `there` says are there, beside those that every hub has. */
export function filesOf(there: (name: string) => boolean): readonly string[] {
  return [...backupFiles, ...occasionalFiles.filter(there)]
}

export const manifestFile = 'manifest.json'

const manifestSchema = v.strictObject({
  format: v.literal(1),
  version: v.string(),
  createdAt: v.number(),
  /** SHA-256 in hex. */
  files: v.strictObject({
    ...Object.fromEntries(backupFiles.map((name) => [name, v.string()])),
    ...Object.fromEntries(occasionalFiles.map((name) => [name, v.optional(v.string())])),
  }),
})

export function hashFile(path: string): string {
  return toHex(sha256(readFileSync(path)))
}

function tar(...args: readonly string[]): void {
  try {
    execFileSync('tar', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (cause) {
    const said = (cause as { stderr?: Buffer }).stderr?.toString().trim() ?? ''
    throw new HoldfastError('failed', `tar failed: ${said.split('\n')[0] ?? ''}`, { cause })
  }
}

/** Packs the backup that was laid out in `directory`. */
export function pack(directory: string, file: string, names: readonly string[]): void {
  tar('--create', '--file', file, '--owner=0', '--group=0', '--directory', directory, manifestFile, ...names)
}

/** Unpacks only what belongs to a backup, into an own directory, and checks that it is whole. */
export function unpack(file: string, directory: string): void {
  // The archive names files only; directories are made here, closed to others.
  mkdirSync(join(directory, 'tls'), { recursive: true, mode: 0o700 })
  const remedy = 'Take another backup; this one is not whole.'
  try {
    const extract = (...names: readonly string[]): void =>
      tar('--extract', '--file', file, '--no-same-owner', '--directory', directory, ...names)
    extract(manifestFile)
    const manifest = parseWith(manifestSchema, JSON.parse(readFileSync(join(directory, manifestFile), 'utf8')))
    const files = manifest.files as Readonly<Record<string, string>>
    const names = filesOf((name) => files[name] !== undefined)
    extract(...names)
    for (const name of names) {
      if (hashFile(join(directory, name)) !== files[name]) throw new HoldfastError('corrupt', `${name} was changed`)
    }
    rmSync(join(directory, manifestFile))
  } catch (cause) {
    rmSync(directory, { recursive: true, force: true })
    throw new HoldfastError('corrupt', `${file} is not a backup of a hub: ${(cause as Error).message}`, {
      cause,
      remedy,
    })
  }
}
