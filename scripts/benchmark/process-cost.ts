// What a process costs, as the kernel counts it.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { HoldfastError } from '../../shared/errors.ts'

export interface Memory {
  readonly rssMiB: number
  readonly pssMiB: number
  readonly privateDirtyMiB: number
}

/** From smaps_rollup of proc(5). */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const mib = (field: string): number => {
    const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]
    if (kib === undefined) throw new HoldfastError('unsupported', `/proc/${pid}/smaps_rollup has no ${field}`)
    return Number(kib) / 1_024
  }
  return { rssMiB: mib('Rss'), pssMiB: mib('Pss'), privateDirtyMiB: mib('Private_Dirty') }
}

/** Processor time used so far, milliseconds; proc(5) counts in ticks, usually of 10 ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Behind the last parenthesis, because a program's name may contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond()
}

function ticksPerSecond(): number {
  return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).trim())
}
