// What `holdfast self-test` tries: whether this very build works on this processor, with this C library and kernel. It touches
// neither the network nor the state of the device.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { RunCommand } from '../host/command.ts'
import { openStore } from '../store/sqlite.ts'
import { tryCryptography } from './cryptography.ts'
import { tryPlanner } from './sample-plan.ts'

export interface TestResult {
  readonly check: string
  readonly verdict: 'ok' | 'failed'
  /** What was seen, or why it failed. */
  readonly found: string
}

/** A program that comes with this build, and that the system starts. */
export interface OwnProgram {
  readonly name: string
  /** Undefined where this build has none; throws where it can't be laid as a file. */
  readonly find: () => string | undefined
  /** Words that change nothing. */
  readonly words: readonly string[]
  /** In what it says then, with whatever exit code. */
  readonly says: RegExp
}

export interface SelfTestOptions {
  readonly run: RunCommand
  readonly log: Log
  readonly programs: readonly OwnProgram[]
}

/** A database of its own: written, closed, opened again and read. */
function tryStore(log: Log): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-self-test-'))
  try {
    const path = join(directory, 'test.db')
    const value = 'what was written'
    const first = openStore(path, { log }).store
    first.set('self-test', value)
    const { volatile } = first
    first.close()
    if (volatile !== undefined) throw new HoldfastError('failed', `${tmpdir()} takes no database: ${volatile}`)
    const second = openStore(path, { log }).store
    const seen = second.get('self-test')
    second.close()
    if (seen !== value)
      throw new HoldfastError('corrupt', `a database reads back "${seen}" where "${value}" was written`)
    return `a database in ${tmpdir()}, written and read back`
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function tryProgram({ find, name, says, words }: OwnProgram, run: RunCommand): Promise<string | undefined> {
  const path = find()
  if (path === undefined) return undefined
  const said = await run([path, ...words]).catch((error: unknown) => {
    // A usage message comes with an exit code of its own.
    if (isHoldfastError(error, 'failed')) return error.message
    throw error
  })
  const [line] = says.exec(said) ?? []
  if (line === undefined) throw new HoldfastError('failed', `${name} does not start: ${said.trim().slice(0, 300)}`)
  return `${path} starts`
}

/** In a stated order. Never rejects. */
export async function selfTest({ log, programs, run }: SelfTestOptions): Promise<readonly TestResult[]> {
  const results: TestResult[] = []
  const check = async (name: string, attempt: () => string | Promise<string | undefined>): Promise<void> => {
    try {
      const found = await attempt()
      if (found !== undefined) results.push({ check: name, verdict: 'ok', found })
    } catch (error) {
      results.push({ check: name, verdict: 'failed', found: describeError(error) })
    }
  }
  await check('runtime', () => `Node ${process.versions.node} on ${process.arch}`)
  await check('database', () => tryStore(log))
  await check('cryptography', tryCryptography)
  await check('planner', tryPlanner)
  for (const program of programs) await check(program.name, () => tryProgram(program, run))
  return results
}
