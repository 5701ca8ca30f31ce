// A data directory that comes to be whole or not at all: readers of its place see nothing, or everything.

import { existsSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'

/** `fill` makes the directory it is given; it is renamed into its place once that has succeeded. */
export function makeFreshDirectory(directory: string, fill: (draft: string) => void): void {
  const target = resolve(directory)
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new HoldfastError('conflict', `${target} is not empty`, {
      remedy: 'Restore into an empty directory, so that nothing that is there gets lost.',
    })
  }
  const draft = `${target}.restoring`
  rmSync(draft, { recursive: true, force: true })
  try {
    fill(draft)
    if (existsSync(target)) rmdirSync(target)
    renameSync(draft, target)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw error
  }
}
