// Several files of a data directory that change together or not at all. What they are to be is written into one file first:
// that file is the decision, and whoever opens the directory next carries out what a power cut left undone.

import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { parseWith } from '../../shared/intent/resource.ts'

/** Secret: it may hold keys. */
const STAGED = 'staged.json'

const names = ['root.key', 'root-chain.json', 'signing.crt'] as const
const staged = v.strictObject({
  files: v.strictObject(
    Object.fromEntries(names.map((name) => [name, v.string()])) as Record<
      (typeof names)[number],
      v.StringSchema<undefined>
    >,
  ),
})
export type StagedFiles = v.InferOutput<typeof staged>['files']

/** Carries out what was decided; nothing where there is nothing. */
export function settleStaged(directory: string): void {
  const path = join(directory, STAGED)
  const text = readIfThere(path)
  if (text === undefined) return
  let files: StagedFiles
  try {
    files = parseWith(staged, JSON.parse(text)).files
  } catch (cause) {
    throw new HoldfastError('corrupt', `${path} cannot be read`, {
      cause,
      remedy: 'Check the disk, then bring the data directory back with `holdfast-hub restore`.',
    })
  }
  for (const name of names) writeAtomic(join(directory, name), files[name])
  rmSync(path)
}

/** Some of them are new, and others may not be yet. */
export function isReplacing(directory: string): boolean {
  return existsSync(join(directory, STAGED))
}

export function replaceTogether(directory: string, files: StagedFiles): void {
  writeAtomic(join(directory, STAGED), JSON.stringify({ files }))
  settleStaged(directory)
}
