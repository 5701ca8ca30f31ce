// The Debian packages and install.sh of a release, made of the programs that lie in its directory.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { encodeManifest, type ReleaseFile } from '../../shared/release/manifest.ts'
import { signManifest } from '../../shared/release/seal.ts'
import { installScript } from '../install/script.ts'
import type { Origin } from '../programs.ts'
import { describe } from '../single/manifest.ts'
import type { SigningKey } from '../single/signing-key.ts'
import type { ReleaseTarget } from '../single/targets.ts'
import { agentPackage, hubPackage, type PackageParts, packageName } from './packages.ts'
import { pagesOf } from './pages.ts'

export interface PackagedProgram {
  readonly file: ReleaseFile
  /** Of all that is in it. */
  readonly licences: string
}

export interface MakePackagesOptions {
  readonly directory: string
  readonly version: string
  readonly origin: Origin
  readonly targets: readonly ReleaseTarget[]
  /** Programs that lie there, bare and behind gzip. */
  readonly programs: readonly PackagedProgram[]
  readonly key: SigningKey
}

/** Of the programs alone: the manifest of the whole release names the packages, and can't lie in them. */
function innerManifest({ key, origin, programs, version }: Omit<MakePackagesOptions, 'directory' | 'targets'>) {
  const manifest = { version, ...origin, files: programs.map(({ file }) => file) }
  return signManifest(encodeManifest(manifest), key.signer)
}

type Kind = 'agent' | 'hub'
const NAMES = { agent: 'holdfast', hub: 'holdfast-hub' } as const

function partsOf(options: MakePackagesOptions, kind: Kind, target: ReleaseTarget): PackageParts {
  const { directory, origin, programs, version } = options
  const found = programs.find(({ file }) => file.kind === kind && file.target === target)
  const { glibc, gz, name } = found?.file ?? {}
  if (found === undefined || name === undefined || gz === undefined || glibc === undefined)
    throw new HoldfastError('not-found', `the release has no ${kind} for ${target} to make a package of`)
  return {
    target,
    version,
    glibc,
    mtimeS: Date.parse(origin.createdAt) / 1_000,
    program: readFileSync(join(directory, name)),
    programGz: readFileSync(join(directory, gz.name)),
    licences: found.licences,
    pages: pagesOf(NAMES[kind], version),
  }
}

/** Lays them into the directory, and says what the release has to list. */
export async function makePackages(options: MakePackagesOptions): Promise<ReleaseFile[]> {
  const { directory, key, targets } = options
  const { bytes, signature } = innerManifest(options)
  const files: ReleaseFile[] = []
  for (const target of targets) {
    for (const kind of ['agent', 'hub'] as const) {
      const parts = partsOf(options, kind, target)
      const sealed = { manifest: bytes, signature, keys: key.publicPem }
      const path = join(directory, packageName(NAMES[kind], parts))
      writeFileSync(path, kind === 'agent' ? agentPackage({ ...parts, ...sealed }) : hubPackage(parts))
      files.push(await describe({ path, kind: 'deb', target }, false))
    }
  }
  const path = join(directory, 'install.sh')
  writeFileSync(path, installScript(key.publicPem), { mode: 0o755 })
  return [...files, await describe({ path, kind: 'installer', target: 'any' }, false)]
}
