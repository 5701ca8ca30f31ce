// Files that must survive a power cut, and files that nobody else may read.

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { HoldfastError } from '../errors.ts'

/** Writes beside `path`, syncs, renames over it and syncs the directory: readers see the old or the new whole. */
export function writeAtomic(path: string, content: string | Uint8Array, mode = 0o600): void {
  const draft = `${path}.new`
  // A draft left by a crash, or a link somebody put there, must neither lend its mode nor lead elsewhere.
  rmSync(draft, { force: true })
  const file = openSync(draft, 'wx', mode)
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(draft, path)
  syncDirectory(dirname(path))
}

function syncDirectory(path: string): void {
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
    throw new HoldfastError('failed', `cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}

export function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}
