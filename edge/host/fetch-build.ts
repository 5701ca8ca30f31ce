// A build on its way from the hub to this device: what came so far lies beside the slots, and the next try goes on from there.

import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { fileError } from '../../shared/host/files.ts'
import { formsOf, type ReleaseFile } from '../../shared/release/manifest.ts'
import type { Download } from '../enrol/download.ts'

const PREFIX = 'fetched-'
/** Of the disk: what the agent needs beside it. */
const SPARE_BYTES = 16 << 20

/** As it is fetched: packed where the release has it so. */
type Content = Pick<ReleaseFile, 'size' | 'sha256'>

export interface FetchOptions {
  /** Of the slots. */
  readonly directory: string
  readonly file: Content
  readonly download: (file: { readonly sha256: string; readonly from: number }) => Promise<Download>
  /** Undefined where the system does not tell. */
  readonly freeBytes: (path: string) => number | undefined
}

export function contentOf(file: ReleaseFile): Content {
  const [{ sha256, size } = file] = formsOf(file)
  return { sha256, size }
}

/** Removes what was fetched, but of that build. */
export function clearFetched(directory: string, but?: string): void {
  const kept = but === undefined ? undefined : PREFIX + but
  for (const name of readdirSync(directory)) {
    if (name.startsWith(PREFIX) && name !== kept) rmSync(join(directory, name), { force: true })
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) hash.update(part)
  return hash.digest('hex')
}

async function append(path: string, { from, parts }: Download, size: number): Promise<void> {
  const file = await open(path, from === 0 ? 'w' : 'r+', 0o600)
  try {
    let at = from
    for await (const part of parts) {
      if (at + part.length > size) throw new HoldfastError('corrupt', 'the hub sends more than the release lists')
      for (let done = 0; done < part.length; ) {
        const { bytesWritten } = await file.write(part, done, part.length - done, at + done)
        done += bytesWritten
      }
      at += part.length
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The path of the whole file. Throws `unreachable` where it was cut off, `corrupt` where the hub has another one. */
export async function fetchBuild({ directory, download, file, freeBytes }: FetchOptions): Promise<string> {
  const { sha256, size } = file
  clearFetched(directory, sha256)
  const path = join(directory, PREFIX + sha256)
  const began = sizeOf(path)
  try {
    if (began > size) rmSync(path)
    const from = began > size ? 0 : began
    const free = freeBytes(directory)
    if (free !== undefined && free < size - from + SPARE_BYTES) {
      const needed = Math.ceil((size - from + SPARE_BYTES) / (1 << 20))
      throw new HoldfastError(
        'failed',
        `there is no space in ${directory}: ${needed} MiB are needed, ${free >> 20} are free`,
      )
    }
    if (from < size) await append(path, await download({ sha256, from }), size)
  } catch (error) {
    throw error instanceof HoldfastError ? error : fileError(`fetch a build into ${directory}`, error)
  }
  if (sizeOf(path) < size) throw new HoldfastError('unreachable', 'the download was cut off')
  if ((await digestOf(path)) === sha256) return path
  rmSync(path, { force: true })
  // What lay there from an earlier try may be what is wrong.
  if (began > 0) throw new HoldfastError('unreachable', 'what was fetched does not fit together; it is fetched anew')
  throw new HoldfastError('corrupt', 'the hub has another file than the release lists')
}
