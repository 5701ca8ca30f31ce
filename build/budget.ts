// What a release may cost: build/budget.json, and what is held against it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { ReleaseFile } from '../shared/release/manifest.ts'

const bound = v.pipe(v.number(), v.gtValue(0))
const budgetSchema = v.strictObject({
  about: v.string(),
  /** Of the agent as it runs on x64 with 50 peers; see scripts/benchmark/size.ts. */
  agent: v.strictObject({
    startMs: bound,
    startCpuMs: bound,
    rssMiB: bound,
    pssMiB: bound,
    privateDirtyMiB: bound,
    diskBytesPerDay: bound,
  }),
  sizes: v.record(v.string(), v.strictObject({ fileMiB: bound, compressedMiB: bound })),
})

type Budget = v.InferOutput<typeof budgetSchema>

export function readBudget(): Budget {
  return v.parse(budgetSchema, JSON.parse(readFileSync(join(import.meta.dirname, 'budget.json'), 'utf8')))
}

const MIB = 1 << 20

/** A sentence for each file that is larger than it may be, and for each program that no budget speaks of. */
export function overBudget(
  files: readonly ReleaseFile[],
  { sizes }: Pick<Budget, 'sizes'> = readBudget(),
): readonly string[] {
  const programs = files.filter(({ kind }) => kind === 'agent' || kind === 'hub')
  return programs.flatMap(({ name, size, zst }) => {
    const most = sizes[name]
    if (most === undefined) return [`${name} has no budget in build/budget.json`]
    const found = { fileMiB: size / MIB, compressedMiB: (zst?.size ?? 0) / MIB }
    return (['fileMiB', 'compressedMiB'] as const)
      .filter((key) => found[key] > most[key])
      .map((key) => `${name}: ${key} is ${found[key].toFixed(2)}, and build/budget.json allows ${most[key]}`)
  })
}
