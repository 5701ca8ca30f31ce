// The releases of the agent that this hub holds for its devices: one directory each, named by its version, beside the databases.
// `holdfast-hub release add` lays them there, and this reads what is there now: neither needs to tell the other.
//
//   DATA/releases/keys.pem      the public keys that releases are taken by
//   DATA/releases/VERSION/      release.json, release.json.sig and the agents

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { compareText } from '../../shared/bytes.ts'
import type { Log, Verify } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { parseReleaseKeys } from '../../shared/release/keys.ts'
import { formsOf, type Manifest, manifestName, signatureOf } from '../../shared/release/manifest.ts'
import { type SignedManifest, verifyManifest } from '../../shared/release/seal.ts'
import { releaseManifestBytesMax, releasesMax } from '../../shared/update-limits.ts'

export interface Release {
  readonly manifest: Manifest
  readonly signed: SignedManifest
  readonly directory: string
}

/** What the hub hands out. */
export interface ReleaseFileAt {
  readonly path: string
  readonly size: number
}

export interface Releases {
  /** By version. */
  list(): readonly Release[]
  of(version: string): Release | undefined
  /** An agent, as it is or behind gzip, by its SHA-256 in lower-case hex. */
  file(sha256: string): ReleaseFileAt | undefined
}

export const keysFile = (directory: string): string => join(directory, 'keys.pem')

/** Names of the versions that lie there; what begins with a dot is on its way. */
export function versionsIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((one) => one.isDirectory() && !one.name.startsWith('.'))
      .map(({ name }) => name)
      .sort(compareText)
      .slice(0, releasesMax)
  } catch {
    return []
  }
}

export function readSigned(directory: string): SignedManifest {
  const path = join(directory, manifestName)
  const bounded = (one: string): Uint8Array =>
    statSync(one).size > releaseManifestBytesMax ? new Uint8Array(releaseManifestBytesMax + 1) : readFileSync(one)
  return { bytes: bounded(path), signature: bounded(signatureOf(path)) }
}

/** Throws where it is not signed by one of the hub's keys. */
function openRelease(root: string, version: string, verify: Verify): Release {
  const directory = join(root, version)
  const signed = readSigned(directory)
  const keys = parseReleaseKeys(readFileSync(keysFile(root), 'utf8'))
  return { manifest: verifyManifest(signed, keys, verify), signed, directory }
}

/** When the manifest was laid: what was read of it then holds until then is another time. */
function stampOf(directory: string): string {
  try {
    const { ctimeMs, ino } = statSync(join(directory, manifestName))
    return `${ino} ${ctimeMs}`
  } catch {
    return ''
  }
}

export function openReleases(root: string, { log, verify }: { readonly log: Log; readonly verify: Verify }): Releases {
  const known = new Map<string, { readonly stamp: string; readonly release: Release | undefined }>()

  const of = (version: string): Release | undefined => {
    const stamp = stampOf(join(root, version))
    const held = known.get(version)
    if (held?.stamp === stamp) return held.release
    let release: Release | undefined
    try {
      if (stamp !== '') release = openRelease(root, version, verify)
    } catch (error) {
      log.warn('a release is not usable', { version, reason: describeError(error) })
    }
    known.set(version, { stamp, release })
    return release
  }
  const list = (): readonly Release[] => {
    const versions = versionsIn(root)
    for (const version of known.keys()) if (!versions.includes(version)) known.delete(version)
    return versions.flatMap((version) => of(version) ?? [])
  }

  return {
    list,
    of: (version) => list().find(({ manifest }) => manifest.version === version),
    file(sha256) {
      for (const { directory, manifest } of list()) {
        for (const file of manifest.files) {
          const found = file.kind === 'agent' ? formsOf(file).find((one) => one.sha256 === sha256) : undefined
          if (found !== undefined) return { path: join(directory, found.name), size: found.size }
        }
      }
      return undefined
    },
  }
}
