// Brings a file into the slot that does not run. It is unpacked, checked and asked in a place of its own first; until it has
// answered, nothing that is there is touched.

import { chmodSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { fileError, syncDirectory } from '../../shared/host/files.ts'
import { updateFileBytesMax } from '../../shared/update-limits.ts'
import { type Candidate, readAnswer } from '../update/candidate.ts'
import type { Laid } from '../update/laid.ts'
import { notHoldfast, programName } from '../update/package.ts'
import type { Slot } from '../update/slot.ts'
import type { RunCommand } from './command.ts'
import { buildFile, buildText, type HomeFiles } from './program-home.ts'
import { type Digests, unpackBuild, writeSynced } from './unpack-build.ts'

export interface LayOptions {
  readonly file: string
  readonly home: HomeFiles
  /** Where it goes; what lies there is replaced. */
  readonly slot: Slot
  readonly arch: string
  readonly run: RunCommand
  /** Undefined where the system does not tell. */
  readonly freeBytes: (path: string) => number | undefined
  /** Throws where this is not the file that it should be; nothing of it was started yet. */
  readonly judgeFile: (digests: Digests) => void
  /** Throws where this build must not run here. */
  readonly judge: (candidate: Candidate, digests: Digests) => void
}

/** Of the disk: what the agent needs beside the build. */
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

async function lay(options: LayOptions): Promise<Laid> {
  const { arch, file, home, judge, judgeFile, slot } = options
  const size = sizeOf(file)
  rmSync(home.draft, { recursive: true, force: true })
  mkdirSync(home.draft)
  chmodSync(home.draft, 0o755)
  const digests = await unpackBuild(file, size, {
    into: home.draft,
    arch,
    needSpace: (bytes) => needSpace(options, bytes),
  })
  judgeFile(digests)
  const candidate = await askVersion(options)
  judge(candidate, digests)
  const { build: sha256 } = digests
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
