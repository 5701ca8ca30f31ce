// Lays a part that a single file carries where the system can load or start it: `PLACE/parts/DIGEST/NAME`, in the first place
// that can be written to and executed from. It is written once for each build, so that a start costs the disk nothing, its pages
// are the file's and can be dropped by the kernel, and restarted programs share them.
//
// Not without a file (O_TMPFILE and /proc/self/fd): that writes to the disk at each start, or holds memory on a tmpfs that can't
// be dropped, /run is mounted noexec on Debian, and what wireguard-go starts itself with must have a path.

import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { HoldfastError } from '../errors.ts'
import type { Part } from './carried.ts'
import { syncDirectory } from './files.ts'

/** Read by this many bytes at a time, so that nothing large is held. */
const CHUNK_BYTES = 64 << 10

/** By digest and not byte by byte: that would bring all that is carried into memory, at each start. */
function isLaid(path: string, sha256: string): boolean {
  let file: number
  try {
    // Not through a link: what is started is what was looked at.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch {
    return false
  }
  try {
    const [hash, chunk] = [createHash('sha256'), Buffer.alloc(CHUNK_BYTES)]
    for (;;) {
      const read = readSync(file, chunk)
      if (read === 0) return hash.digest('hex') === sha256
      hash.update(chunk.subarray(0, read))
    }
  } finally {
    closeSync(file)
  }
}

function write(path: string, content: Uint8Array): void {
  const file = openSync(path, 'wx', 0o700)
  try {
    // Whatever the umask: a hub runs as a user of its own, and its file may have been laid by root.
    fchmodSync(file, 0o755)
    // Says no, too, where the file system is mounted noexec (access(2)): before anything is written there in vain.
    accessSync(path, constants.X_OK)
    for (let at = 0; at < content.length; ) at += writeSync(file, content, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** A place that would not do is left as it was. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
    rmdirSync(dirname(directory))
  } catch {
    // Something else is in it.
  }
}

function lay(path: string, directory: string, content: Uint8Array): void {
  mkdirSync(directory, { recursive: true })
  // Whatever the umask, as with the file: people call the program that a service has laid.
  for (const made of [dirname(directory), directory]) chmodSync(made, 0o755)
  const draft = `${path}.${process.pid}`
  rmSync(draft, { force: true })
  try {
    write(draft, content)
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    removeEmpty(directory)
    throw error
  }
  syncDirectory(directory)
}

/** Those of other builds. Whoever runs them goes on: a program keeps its file, with or without a name. */
function removeOthers(parts: string, current: ReadonlySet<string>): void {
  for (const name of readdirSync(parts)) {
    if (!current.has(name)) rmSync(join(parts, name), { recursive: true, force: true })
  }
}

/** Throws where it can't be put here, or not be executed from here. */
function layIn(place: string, { content, name, sha256 }: Part, current: ReadonlySet<string>): string {
  const parts = join(place, 'parts')
  const directory = join(parts, sha256)
  const path = join(directory, name)
  if (!isLaid(path, sha256)) {
    lay(path, directory, content)
    removeOthers(parts, current)
  }
  // It may have been laid before the place was mounted in another way.
  accessSync(path, constants.X_OK)
  return path
}

/**
 * Path of a file that has the part's content and can be executed; `current` are the digests of all parts of this build. Throws
 * `unsupported` where no place will do.
 */
export function layPart(part: Part, places: readonly string[], current: ReadonlySet<string>): string {
  const reasons: string[] = []
  for (const place of places) {
    try {
      return layIn(place, part, current)
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new HoldfastError('unsupported', `there is no place for ${part.name}, which is part of this program`, {
    remedy: `One of these directories must be writable, with space, and not mounted noexec: ${places.join(', ')}. ${reasons.join('; ')}`,
  })
}
