// Brings a file into the slot that does not run. It is copied, checked and asked in a place of its own first; until it has
// answered, nothing that is there is touched.

import { createHash } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sameSecret } from '../../shared/host/crypto.ts'
import { fileError, syncDirectory } from '../../shared/host/files.ts'
import { readTar, type TarFile } from '../../shared/host/tar.ts'
import { updateFileBytesMax, updateFilesMax, updateUnpackedBytesMax } from '../../shared/update-limits.ts'
import { type Candidate, readAnswer } from '../update/candidate.ts'
import { checkFiles, kindOf, notHoldfast, programName } from '../update/package.ts'
import type { Slot } from '../update/slot.ts'
import type { RunCommand } from './command.ts'
import { buildFile, buildText, type HomeFiles } from './program-home.ts'

export interface LayOptions {
  readonly file: string
  readonly home: HomeFiles
  /** Where it goes; what lies there is replaced. */
  readonly slot: Slot
  /** What its bytes must be, lower-case hex. */
  readonly sha256: string | undefined
  readonly arch: string
  readonly run: RunCommand
  /** Undefined where the system does not tell. */
  readonly freeBytes: (path: string) => number | undefined
  /** Told as it goes on. */
  readonly onCopied: (bytes: number, sha256: string) => void
  /** Throws where this build must not run here. */
  readonly judge: (candidate: Candidate, sha256: string) => void
}

export interface Laid {
  readonly version: string
  readonly sha256: string
}

/** Of the disk: beside the file itself its content, and what the agent needs. */
const SPARE_BYTES = 16 << 20

function sizeOf(file: string): number {
  let stat: ReturnType<typeof statSync>
  try {
    stat = statSync(file)
  } catch (error) {
    throw fileError(`read ${file}`, error)
  }
  if (!stat.isFile()) throw new HoldfastError('invalid', `${file} is no file`)
  if (stat.size === 0) throw notHoldfast('it is empty')
  if (stat.size > updateFileBytesMax)
    throw new HoldfastError('too-large', `${file} is larger than ${updateFileBytesMax >> 20} MiB`)
  return stat.size
}

function needSpace({ freeBytes, home }: LayOptions, bytes: number): void {
  const directory = home.versions
  const free = freeBytes(directory)
  if (free === undefined || free >= bytes + SPARE_BYTES) return
  const [needed, left] = [bytes + SPARE_BYTES, free].map((one) => Math.ceil(one / (1 << 20)))
  throw new HoldfastError('failed', `there is no space in ${directory}: ${needed} MiB are needed, ${left} are free`, {
    remedy: 'Free some space on that disk. The version that runs is untouched.',
  })
}

/** Writes a file that a power cut keeps. */
function writeSynced(path: string, content: Uint8Array, mode: number): void {
  const file = openSync(path, 'wx', mode)
  try {
    for (let at = 0; at < content.length; ) at += writeSync(file, content, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Copies in one pass what is judged afterwards: a file that changes meanwhile is caught. Returns its digest. */
async function copy(from: string, to: string): Promise<{ readonly sha256: Uint8Array; readonly bytes: number }> {
  const hash = createHash('sha256')
  const file = openSync(to, 'wx', 0o600)
  let bytes = 0
  try {
    for await (const part of createReadStream(from) as AsyncIterable<Buffer>) {
      bytes += part.length
      if (bytes > updateFileBytesMax) throw new HoldfastError('too-large', `${from} grows while it is read`)
      hash.update(part)
      for (let at = 0; at < part.length; ) at += writeSync(file, part, at)
    }
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return { sha256: hash.digest(), bytes }
}

function headOf(path: string): Uint8Array {
  const file = openSync(path, 'r')
  try {
    const head = Buffer.alloc(64)
    return head.subarray(0, readSync(file, head))
  } finally {
    closeSync(file)
  }
}

function unpack(path: string): ReadonlyMap<string, TarFile> {
  try {
    return readTar(gunzipSync(readFileSync(path), { maxOutputLength: updateUnpackedBytesMax }), updateFilesMax)
  } catch (error) {
    if (error instanceof HoldfastError) throw notHoldfast(error.message)
    throw notHoldfast(`it does not unpack: ${(error as Error).message}`)
  }
}

/** Makes of the copy at `copied` what lies in a slot. */
function layFiles(copied: string, options: LayOptions): void {
  const { arch, home } = options
  const head = headOf(copied)
  const kind = kindOf(head)
  if (kind === undefined) throw notHoldfast('it is neither packed nor a program')
  if (kind === 'executable') {
    checkFiles(new Map([[programName, { content: head, executable: true }]]), arch)
    writeSynced(join(home.draft, programName), readFileSync(copied), 0o755)
  } else {
    const files = unpack(copied)
    checkFiles(files, arch)
    needSpace(
      options,
      [...files.values()].reduce((sum, { content }) => sum + content.length, 0),
    )
    for (const [name, { content, executable }] of files)
      writeSynced(join(home.draft, name), content, executable ? 0o755 : 0o644)
  }
  rmSync(copied)
}

async function askVersion({ home, run }: LayOptions): Promise<Candidate> {
  let said: string
  try {
    said = await run([join(home.draft, programName), 'version', '--json'])
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause)
    throw new HoldfastError('unsupported', `the new version does not start here: ${words}`, {
      remedy: 'The version that runs is untouched. See `holdfast doctor` for what this host lacks.',
      cause,
    })
  }
  return readAnswer(said)
}

function assertDigest(found: Uint8Array, expected: string | undefined): void {
  if (expected === undefined || sameSecret(found, fromHex(expected))) return
  throw new HoldfastError('untrusted', `the file’s SHA-256 is ${toHex(found)}, and not what --sha256 says`, {
    remedy: 'It was changed or cut short on its way here: bring it again, from where the digest is.',
  })
}

async function lay(options: LayOptions): Promise<Laid> {
  const { file, home, judge, onCopied, slot } = options
  const size = sizeOf(file)
  rmSync(home.draft, { recursive: true, force: true })
  mkdirSync(home.draft, { mode: 0o755 })
  needSpace(options, size)
  // A name that no build has, for it lies among its files.
  const copied = join(home.draft, '.copy')
  const { bytes, sha256: found } = await copy(file, copied)
  const sha256 = toHex(found)
  onCopied(bytes, sha256)
  assertDigest(found, options.sha256)
  layFiles(copied, options)
  const candidate = await askVersion(options)
  judge(candidate, sha256)
  writeSynced(join(home.draft, buildFile), Buffer.from(buildText({ version: candidate.version, sha256 })), 0o644)
  syncDirectory(home.draft)
  rmSync(home.slot(slot), { recursive: true, force: true })
  renameSync(home.draft, home.slot(slot))
  syncDirectory(home.versions)
  return { version: candidate.version, sha256 }
}

/** Throws with the reason and its remedy; then nothing has changed. */
export async function layBuild(options: LayOptions): Promise<Laid> {
  try {
    return await lay(options)
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    throw fileError(`bring ${options.file} to ${options.home.versions}`, error)
  } finally {
    rmSync(options.home.draft, { recursive: true, force: true })
  }
}
