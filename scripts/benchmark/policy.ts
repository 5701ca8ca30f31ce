// What policy costs on a large fleet: to compile and to change in an agent, and in the way of TCP between two nodes against none.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { tuningOf } from '../../build/tuning.ts'
import type { Bench, BenchContext, Figures } from './bench.ts'
import { throughput } from './policy-throughput.ts'

const COMPILING = join(import.meta.dirname, 'policy-compile.ts')

function compiling(): Figures {
  const { environment, flags } = tuningOf('holdfast')
  const said = execFileSync(process.execPath, [...flags, COMPILING], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  return JSON.parse(said) as Figures
}

async function measure({ say }: BenchContext): Promise<Figures> {
  const figures = compiling()
  say('compiled')
  return { ...figures, ...(await throughput(say)) }
}

export const policy: Bench = {
  about: '10,000 rules for 1,000 nodes: compiled, changed, and in the way of TCP through the mesh',
  runs: 3,
  budgets: { compileMs: '≤ 1000', relabelMs: '≤ 10', throughputRatio: '≥ 0.97' },
  measure,
}
