// Who vouches for a file that is to replace the program: a manifest that a release key of this device has signed. Where no such
// keys are laid, whoever has root decides, as ever.

import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { verify } from '../../shared/host/crypto.ts'
import { fileError, readIfThere } from '../../shared/host/files.ts'
import { parseReleaseKeys } from '../../shared/release/keys.ts'
import {
  formsOf,
  type Manifest,
  manifestName,
  parseManifest,
  programIn,
  signatureOf,
} from '../../shared/release/manifest.ts'
import { verifyManifest } from '../../shared/release/seal.ts'
import { releaseManifestBytesMax } from '../../shared/update-limits.ts'
import { proofOf, type ReleaseProof } from '../update/proof.ts'
import type { Cli } from './context.ts'

interface Found {
  readonly file: string
  readonly proof: ReleaseProof | undefined
}

function tooLarge(path: string): HoldfastError {
  return new HoldfastError('too-large', `${path} is too large for a manifest`, {
    remedy: 'Is it the release.json of a release?',
  })
}

function readBounded(path: string): Uint8Array {
  try {
    if (statSync(path).size > releaseManifestBytesMax) throw tooLarge(path)
    return readFileSync(path)
  } catch (error) {
    throw error instanceof HoldfastError ? error : fileError(`read ${path}`, error)
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** The file for this device in a release directory, the packed one where it is there. */
function fileIn(directory: string, manifest: Manifest, target: string): string {
  const listed = programIn(manifest, 'agent', target)
  if (listed === undefined) {
    throw new HoldfastError('unsupported', `release ${manifest.version} has no agent for ${target}`, {
      remedy: `It has ${manifest.files.map(({ name }) => name).join(', ')}.`,
    })
  }
  const names = formsOf(listed).map(({ name }) => join(directory, name))
  const path = names.find((name) => existsSync(name))
  if (path !== undefined) return path
  throw new HoldfastError('not-found', `${directory} has no ${listed.name}`, {
    remedy: 'Bring the release as a whole.',
  })
}

/** Undefined where this device has none laid. */
function keysOf({ settings }: Cli): readonly Uint8Array[] | undefined {
  const text = readIfThere(settings.releaseKeys)
  return text === undefined ? undefined : parseReleaseKeys(text)
}

function noManifest(path: string, cli: Cli): HoldfastError {
  return new HoldfastError('untrusted', `there is no ${path} to vouch for the file`, {
    remedy: `This device takes what the keys in ${cli.settings.releaseKeys} signed: bring ${manifestName} and its .sig along, or insist with --unsigned.`,
  })
}

/** `given`: a file, or a release directory. `target`: this device, as `linux-x64`. Throws where nobody vouches for it. */
export function findRelease(cli: Cli, given: string, target: string): Found {
  const whole = isDirectory(given)
  const named = textFlag(cli.flags, 'manifest')
  const path = named ?? join(whole ? given : dirname(given), manifestName)
  const keys = switchFlag(cli.flags, 'unsigned') ? undefined : keysOf(cli)
  const isThere = existsSync(path)
  if (keys === undefined) {
    if (named !== undefined || switchFlag(cli.flags, 'unsigned') || whole)
      cli.note('no release key vouches for this file: you do')
    if (!whole) return { file: given, proof: undefined }
    const manifest = parseManifest(readBounded(path))
    return { file: fileIn(given, manifest, target), proof: proofOf(manifest, target) }
  }
  if (!isThere) throw noManifest(path, cli)
  const signature = signatureOf(path)
  if (!existsSync(signature)) throw noManifest(signature, cli)
  const manifest = verifyManifest({ bytes: readBounded(path), signature: readBounded(signature) }, keys, verify)
  cli.note(`release ${manifest.version} is signed by a key of ${cli.settings.releaseKeys}`)
  return { file: whole ? fileIn(given, manifest, target) : given, proof: proofOf(manifest, target) }
}
