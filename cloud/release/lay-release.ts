// Lays a release into the hub's data directory, or takes one away: for the command line, beside a hub that runs or not.

import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { sameBytes } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { verify } from '../../shared/host/crypto.ts'
import { fileError, readIfThere, syncDirectory, writeAtomic } from '../../shared/host/files.ts'
import { formatReleaseKey, parseReleaseKeys } from '../../shared/release/keys.ts'
import { formsOf, type Manifest, manifestName, type ReleaseFile, signatureOf } from '../../shared/release/manifest.ts'
import { verifyManifest } from '../../shared/release/seal.ts'
import { releasesMax } from '../../shared/update-limits.ts'
import { keysFile, readSigned, versionsIn } from './releases.ts'

/** Readable for the hub, whoever laid it. */
const MODE = 0o644

type Content = Pick<ReleaseFile, 'name' | 'size' | 'sha256'>

/** Copies what is what it should be, to the last byte. */
async function copyFile(from: string, into: string, { name, sha256, size }: Content): Promise<void> {
  const hash = createHash('sha256')
  const file = openSync(join(into, name), 'wx', MODE)
  let bytes = 0
  try {
    fchmodSync(file, MODE)
    for await (const part of createReadStream(join(from, name)) as AsyncIterable<Buffer>) {
      bytes += part.length
      if (bytes > size) break
      hash.update(part)
      for (let at = 0; at < part.length; ) at += writeSync(file, part, at)
    }
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  if (bytes === size && hash.digest('hex') === sha256) return
  throw new HoldfastError('untrusted', `${name} is not the file that the manifest lists`, {
    remedy: 'It was changed or cut short on its way here: bring the release again.',
  })
}

/** Of each agent the form that devices fetch. */
function agentsIn(directory: string, { files, version }: Manifest): readonly Content[] {
  const agents = files.filter(({ kind }) => kind === 'agent')
  if (agents.length === 0) throw new HoldfastError('invalid', `release ${version} has no agents`, {})
  return agents.map((agent): Content => {
    const [fetched = agent] = formsOf(agent)
    if (existsSync(join(directory, fetched.name))) return fetched
    throw new HoldfastError('not-found', `${directory} has no ${fetched.name}`, {
      remedy: 'Bring the release as a whole.',
    })
  })
}

function keysOf(root: string, given: string | undefined): readonly Uint8Array[] {
  const path = given ?? keysFile(root)
  const text = readIfThere(path)
  if (text !== undefined) return parseReleaseKeys(text)
  throw new HoldfastError('untrusted', `this hub trusts no release key: there is no ${path}`, {
    remedy: 'Name the publisher’s public key once: `holdfast-hub release add DIR --trust-key release-key.pem`.',
  })
}

/** Root lays it, and the hub reads it, whoever that runs as; the data directory around it is closed to all others. */
function makeOpenDirectory(path: string): void {
  mkdirSync(path, { recursive: true })
  chmodSync(path, 0o755)
}

function writeOpen(path: string, content: string | Uint8Array): void {
  writeAtomic(path, content, MODE)
  chmodSync(path, MODE)
}

/** From now on releases by these keys are taken, too. */
export function trustReleaseKeys(root: string, pem: string): void {
  const added = parseReleaseKeys(pem)
  makeOpenDirectory(root)
  const held = readIfThere(keysFile(root))
  const known = held === undefined ? [] : parseReleaseKeys(held)
  const all = [...known, ...added.filter((key) => !known.some((other) => sameBytes(other, key)))]
  const text = all.map(formatReleaseKey).join('')
  // Read back before it is kept: a file that no longer parses would shut every release out.
  parseReleaseKeys(text)
  writeOpen(keysFile(root), text)
}

/** Returns the manifest, and whether the release was there already. Throws with the reason; then nothing has changed. */
export async function layRelease(
  root: string,
  from: string,
  keysPath: string | undefined,
): Promise<{ readonly manifest: Manifest; readonly isNew: boolean }> {
  let signed: ReturnType<typeof readSigned>
  try {
    signed = readSigned(from)
  } catch (error) {
    throw fileError(`read the manifest of ${from}`, error)
  }
  const keys = keysOf(root, keysPath)
  const manifest = verifyManifest(signed, keys, verify)
  // The hub judges by what it keeps: a key that was only named here would be unknown to it.
  if (keysPath !== undefined) trustReleaseKeys(root, readFileSync(keysPath, 'utf8'))
  const place = join(root, manifest.version)
  if (existsSync(place)) {
    if (sameBytes(readSigned(place).bytes, signed.bytes)) return { manifest, isNew: false }
    throw new HoldfastError('conflict', `another release ${manifest.version} is here already`, {
      remedy: `Two builds need two versions. To replace it: \`holdfast-hub release remove ${manifest.version}\` first.`,
    })
  }
  if (versionsIn(root).length >= releasesMax) {
    throw new HoldfastError('exhausted', `the hub keeps ${releasesMax} releases at most`, {
      remedy: 'Remove one that no device needs: `holdfast-hub release list`, `release remove VERSION`.',
    })
  }
  const draft = join(root, '.draft')
  try {
    rmSync(draft, { recursive: true, force: true })
    makeOpenDirectory(draft)
    for (const file of agentsIn(from, manifest)) await copyFile(from, draft, file)
    writeOpen(join(draft, manifestName), signed.bytes)
    writeOpen(signatureOf(join(draft, manifestName)), signed.signature)
    syncDirectory(draft)
    renameSync(draft, place)
    syncDirectory(root)
  } catch (error) {
    throw error instanceof HoldfastError ? error : fileError(`lay the release into ${root}`, error)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return { manifest, isNew: true }
}

/** False where there is no such release. */
export function removeRelease(root: string, version: string): boolean {
  if (!versionsIn(root).includes(version)) return false
  // Out of sight first: no download finds half of it.
  const gone = join(root, '.gone')
  rmSync(gone, { recursive: true, force: true })
  renameSync(join(root, version), gone)
  rmSync(gone, { recursive: true, force: true })
  return true
}
