// Files that must survive a power cut, and files that nobody else may read.

import {
  chmodSync,
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { HoldfastError } from '../errors.ts'

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'Run this as root, or as the user whose file it is.',
  EPERM: 'Run this as root, or as the user whose file it is.',
  ENOENT: 'Make the directory first, or correct the path.',
  ENOSPC: 'Free some space on that disk.',
  EDQUOT: 'Free some space on that disk.',
  EROFS: 'The file system is read-only: look at `dmesg` and at the age of the SD card.',
}

/** Of a directory where everybody keeps what is theirs, inode(7). */
const STICKY = 0o1000

/** What the system said, with what mends it. */
export function fileError(doing: string, error: unknown): HoldfastError {
  const { code = '', message } = error as NodeJS.ErrnoException
  const remedy = REMEDIES[code]
  return new HoldfastError('failed', `cannot ${doing}: ${message}`, {
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
  })
}

/** Writes beside `path`, syncs, renames over it and syncs the directory: readers see the old or the new whole. */
export function writeAtomic(path: string, content: string | Uint8Array, mode = 0o600): void {
  try {
    replace(path, content, mode)
  } catch (error) {
    throw fileError(`write ${path}`, error)
  }
}

/** Like `writeAtomic`, for what other users read: its mode is this one from the first moment on, whatever the umask. */
export function writeShared(path: string, content: string | Uint8Array, mode = 0o644): void {
  try {
    replace(path, content, mode, { exact: true })
  } catch (error) {
    throw fileError(`write ${path}`, error)
  }
}

function replace(path: string, content: string | Uint8Array, mode: number, { exact = false } = {}): void {
  const draft = `${path}.new`
  // A draft left by a crash, or a link somebody put there, must neither lend its mode nor lead elsewhere.
  rmSync(draft, { force: true })
  const file = openSync(draft, 'wx', mode)
  try {
    // Only where the umask took something: a file system without modes would refuse what needs no change.
    if (exact && (fstatSync(file).mode & mode) !== mode) fchmodSync(file, mode)
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(draft, path)
  syncDirectory(dirname(path))
}

/** Lets the link at `path` lead to `target`, whatever it led to before; as whole and as lasting as `writeAtomic`. */
export function linkAtomic(path: string, target: string): void {
  try {
    const draft = `${path}.new`
    rmSync(draft, { force: true })
    symlinkSync(target, draft)
    renameSync(draft, path)
    syncDirectory(dirname(path))
  } catch (error) {
    throw fileError(`link ${path}`, error)
  }
}

/** Removes the file at `path`, if there is one, for good. */
export function removeLasting(path: string): void {
  try {
    rmSync(path, { force: true })
    syncDirectory(dirname(path))
  } catch (error) {
    throw fileError(`remove ${path}`, error)
  }
}

export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

/** Content of `path`, or undefined if there is no such file. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw fileError(`read ${path}`, error)
  }
}

/** An empty one of our own, as supervisors make it for us, is closed. One in use stays as people have it, and so does `/tmp`. */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const { mode, uid } = statSync(path)
    const isShared = (mode & STICKY) !== 0 || uid !== process.getuid?.()
    if ((mode & 0o077) !== 0 && !isShared && readdirSync(path).length === 0) chmodSync(path, 0o700)
  } catch (error) {
    throw fileError(`make ${path}`, error)
  }
}
