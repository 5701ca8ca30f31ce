// What builds fetch or compile once and keep, outside of the checkout: `$XDG_CACHE_HOME/holdfast`, by what it was made from.

import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const directory = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'holdfast', 'build')

/** What this process is making. */
const pending = new Map<string, Promise<string>>()

async function keep(name: string, make: (draft: string) => void | Promise<void>): Promise<string> {
  const path = join(directory, name)
  if (existsSync(path)) return path
  mkdirSync(directory, { recursive: true })
  const draft = `${path}.${process.pid}`
  rmSync(draft, { recursive: true, force: true })
  try {
    await make(draft)
    // Another process may have been faster; a directory is not renamed over one.
    if (!existsSync(path)) renameSync(draft, path)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return path
}

/** Path of what `make` made under that name, now or once: a file or a directory. Several may ask at once; it is there whole. */
export async function cached(name: string, make: (draft: string) => void | Promise<void>): Promise<string> {
  const made = pending.get(name) ?? keep(name, make)
  pending.set(name, made)
  return await made
}
