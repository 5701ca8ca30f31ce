// The manifest of a release: which files it has, for whom, and their digests. It is canonical JSON in `release.json`, and comes
// from outside: who reads it has checked its signature first (see seal.ts).
//
// Devices read manifests of releases that are newer than they are. So fields that are not known here are passed over, kinds and
// targets are words and no list, and `format` is raised only where an older reader would go wrong.

import * as v from 'valibot'
import { HoldfastError } from '../errors.ts'
import { integer } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import { releaseFilesMax, releaseManifestBytesMax, updateFileBytesMax } from '../update-limits.ts'
import { releaseVersion } from './version-order.ts'

const FORMAT = 1

/** File name in a release directory. */
export const manifestName = 'release.json'

/** Where the signature of a manifest lies. */
export function signatureOf(manifest: string): string {
  return `${manifest}.sig`
}

function matching(pattern: RegExp, message: string) {
  return v.pipe(v.string(), v.regex(pattern, message))
}

/** Lower-case hex. */
const digest = matching(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hexadecimal digits')
const length = integer(1, updateFileBytesMax)
/** No slash and no leading dot: it names a file of the directory that the manifest lies in, and nothing else. */
const fileName = matching(/^[A-Za-z0-9_][A-Za-z0-9_.+~-]{0,127}$/, 'is not a plain file name')
const word = matching(/^[a-z][a-z0-9-]{0,31}$/, 'is not a word of small letters, digits and "-"')

const content = { name: fileName, size: length, sha256: digest }

const file = v.object({
  ...content,
  /** `agent` and `hub` are single programs; what else a release holds is named as it likes. */
  kind: word,
  /** `linux-x64`, `linux-arm64`; `any` where it makes no difference. */
  target: word,
  /** The same file behind gzip, which every Debian unpacks, and by Zstandard, which is what devices fetch. */
  gz: v.optional(v.object(content)),
  zst: v.optional(v.object(content)),
  /** The oldest GNU C library it runs with, such as 2.28. */
  glibc: v.optional(matching(/^\d{1,2}\.\d{1,3}$/, 'is not a version of glibc such as 2.28')),
})
export type ReleaseFile = v.InferOutput<typeof file>

export type ReleaseContent = Pick<ReleaseFile, 'name' | 'size' | 'sha256'>

/** The file in all its forms, the one with the fewest bytes first. */
export function formsOf({
  gz,
  name,
  sha256,
  size,
  zst,
}: Omit<ReleaseFile, 'kind' | 'target'>): readonly ReleaseContent[] {
  return [zst, gz, { name, size, sha256 }].filter((form) => form !== undefined)
}

const manifestSchema = v.object({
  program: v.literal('holdfast'),
  format: v.literal(FORMAT),
  version: releaseVersion,
  /** Of git, with `-dirty` behind it where the tree was not as committed; `unknown` for a build of a source archive. */
  commit: matching(/^(?:[0-9a-f]{40}(?:-dirty)?|unknown)$/, 'is not a commit'),
  /** Of the commit and not of the build, so that two builds of one commit have the same manifest; UTC. */
  createdAt: matching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/, 'is not a time such as 2026-01-31T12:00:00Z'),
  files: v.pipe(
    v.array(file),
    v.minLength(1),
    v.maxLength(releaseFilesMax),
    v.check((files) => {
      const names = files.flatMap((one) => formsOf(one).map(({ name }) => name))
      return new Set(names).size === names.length
    }, 'names a file twice'),
    v.check((files) => {
      const programs = files.filter(({ kind }) => kind === 'agent' || kind === 'hub')
      return new Set(programs.map(({ kind, target }) => `${kind} ${target}`)).size === programs.length
    }, 'has two programs of one kind for one target'),
  ),
})
export type Manifest = v.InferOutput<typeof manifestSchema>
export type NewManifest = Omit<Manifest, 'program' | 'format'>

/** The bytes that are signed and kept as `release.json`. Throws `invalid` for what no reader would take. */
export function encodeManifest(manifest: NewManifest): Uint8Array {
  const whole = parseWith(manifestSchema, { ...manifest, program: 'holdfast', format: FORMAT })
  const bytes = encodeCanonical(whole)
  if (bytes.length > releaseManifestBytesMax) throw tooLarge(bytes.length)
  return bytes
}

function tooLarge(bytes: number): HoldfastError {
  return new HoldfastError('too-large', `the manifest has ${bytes} bytes, at most ${releaseManifestBytesMax} are read`)
}

/** Throws `invalid` and `too-large`, and `unsupported` for a format of another age. */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > releaseManifestBytesMax) throw tooLarge(bytes.length)
  const found = parseCanonical(bytes, releaseManifestBytesMax)
  const { format } = v.parse(v.looseObject({ format: v.unknown() }), { format: undefined, ...(found as object) })
  if (typeof format === 'number' && format > FORMAT) {
    throw new HoldfastError('unsupported', `the manifest has format ${format}, and this version reads ${FORMAT}`, {
      remedy: 'Update to a version in between first.',
    })
  }
  return parseWith(manifestSchema, found)
}

/** The program of that kind for that target. */
export function programIn({ files }: Manifest, kind: 'agent' | 'hub', target: string): ReleaseFile | undefined {
  return files.find((one) => one.kind === kind && one.target === target)
}

/** The file that has this digest, packed or not. */
export function fileOfDigest({ files }: Manifest, sha256: string): ReleaseFile | undefined {
  return files.find((one) => formsOf(one).some((form) => form.sha256 === sha256))
}
