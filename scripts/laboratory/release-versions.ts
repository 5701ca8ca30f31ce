// Releases to install and to update with, good ones and a broken one. One program is built; the others differ from it in a few
// bytes of the same length, for Node keeps the source of a single file as it is.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { constants, gzipSync } from 'node:zlib'
import { agentPackage, packageName } from '../../build/debian/packages.ts'
import { pagesOf } from '../../build/debian/pages.ts'
import { installScript } from '../../build/install/script.ts'
import { programs } from '../../build/programs.ts'
import { assemble } from '../../build/single/assemble.ts'
import { parseReleaseTarget, releaseTargets } from '../../build/single/targets.ts'
import { toHex } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed } from '../../shared/host/crypto.ts'
import { formatReleaseKey } from '../../shared/release/keys.ts'
import { encodeManifest, manifestName, signatureOf } from '../../shared/release/manifest.ts'
import { signManifest } from '../../shared/release/seal.ts'

const target = parseReleaseTarget(`linux-${process.arch}`)
const other = releaseTargets.find((one) => one !== target) ?? target
const signer = signerFromSeed(new Uint8Array(32).fill(0x5e))
const keys = formatReleaseKey(signer.publicKey)
const STAMP = '1.0.0+lab'
/** The first statement of the agent: another, that ends the agent and nothing else. */
const FIRST = 'process.env.UV_THREADPOOL_SIZE ??= "2";'
const CRASH = '"agent"===process.argv[2]&&aDefect();'

export interface LabRelease {
  readonly version: string
  /** Holds the files of a release and the package, as they are copied to a device. */
  readonly directory: string
  readonly deb: string
  /** The program behind gzip. */
  readonly packed: string
}

export interface LabReleases {
  readonly target: string
  /** Public key in PEM. */
  readonly keys: string
  /** `version`: as long as `1.0.0+lab`. */
  make(version: string, broken?: boolean): LabRelease
  /** A package for the other processor. */
  foreign(): string
  remove(): void
}

function replaceAll(bytes: Buffer, from: string, to: string): Buffer {
  if (from.length < to.length) throw new HoldfastError('invalid', `${to} does not fit in the place of ${from}`)
  const changed = Buffer.from(bytes)
  let at = changed.indexOf(from)
  if (at < 0) throw new HoldfastError('failed', `the program does not hold ${from}`)
  for (; at >= 0; at = changed.indexOf(from, at + from.length)) changed.write(to.padEnd(from.length), at)
  return changed
}

function seal(version: string, program: Uint8Array, packed: Uint8Array, name: string) {
  const [own, gz] = [program, packed].map((bytes) => ({ size: bytes.length, sha256: toHex(sha256(bytes)) }))
  if (own === undefined || gz === undefined) throw new HoldfastError('failed', 'a file is missing')
  const file = { ...own, name, kind: 'agent', target, glibc: '2.34', gz: { ...gz, name: `${name}.gz` } }
  const manifest = { version, commit: 'unknown', createdAt: '2026-01-01T00:00:00Z', files: [file] }
  return signManifest(encodeManifest(manifest), signer)
}

export async function createReleases(): Promise<LabReleases> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-releases-'))
  const [agent] = programs
  const made = await assemble({
    program: agent,
    target,
    version: STAMP,
    into: directory,
    work: join(directory, 'work'),
  })
  const bytes = readFileSync(made.path)
  const pages = pagesOf('holdfast', STAMP)
  const common = { glibc: '2.34', mtimeS: 0, licences: '', pages }
  return {
    target,
    keys,
    make(version, broken = false) {
      const stamped = replaceAll(bytes, STAMP, version)
      const program = broken ? replaceAll(stamped, FIRST, CRASH) : stamped
      const programGz = gzipSync(program, { level: constants.Z_BEST_SPEED })
      const name = `holdfast-${target}`
      const { bytes: manifest, signature } = seal(version, program, programGz, name)
      const into = join(directory, version)
      mkdirSync(into)
      const put = (file: string, content: string | Uint8Array, mode = 0o644): string => {
        writeFileSync(join(into, file), content, { mode })
        return join(into, file)
      }
      put(manifestName, manifest)
      put(signatureOf(manifestName), signature)
      put('release-key.pem', keys)
      put('install.sh', installScript(keys), 0o755)
      const parts = { ...common, target, version, program, programGz, manifest, signature, keys }
      return {
        version,
        directory: into,
        packed: put(`${name}.gz`, programGz),
        deb: put(packageName('holdfast', parts), agentPackage(parts)),
      }
    },
    foreign() {
      const nothing = new Uint8Array()
      const parts = { ...common, target: other, version: STAMP, program: nothing, programGz: nothing }
      const path = join(directory, packageName('holdfast', parts))
      writeFileSync(path, agentPackage({ ...parts, manifest: nothing, signature: nothing, keys }))
      return path
    },
    remove: () => rmSync(directory, { recursive: true }),
  }
}
