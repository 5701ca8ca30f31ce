// What a process costs, as the kernel counts it.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { HoldfastError } from '../../shared/errors.ts'
import type { Host } from './site.ts'

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
  const { stime, utime } = ticksOf(pid)
  return ((utime + stime) * 1_000) / ticksPerSecond()
}

/** The same with that of the programs it started and that ended. */
export function cpuMsWithChildrenOf(pid: number): number {
  const { cstime, cutime, stime, utime } = ticksOf(pid)
  return ((utime + stime + cutime + cstime) * 1_000) / ticksPerSecond()
}

function ticksOf(pid: number) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Behind the last parenthesis, because a program's name may contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15).map(Number)
  return { utime, stime, cutime, cstime }
}

function ticksPerSecond(): number {
  return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).trim())
}

/** The agent's process on the host, as a bundle or as a single file. */
export function agentIn(host: Host): number {
  const isAgent = (pid: number): boolean => {
    const [program = '', ...words] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return (
      words.some((word) => word.endsWith('holdfast.mjs')) || (/\/holdfast[^/]*$/.test(program) && words[0] === 'agent')
    )
  }
  // Node calls its main thread so.
  const pid = [...host.pidsOf('node'), ...host.pidsOf('MainThread')].find(isAgent)
  if (pid === undefined) throw new HoldfastError('failed', 'the agent is not running')
  return pid
}

/** What the process has had written to disks so far, bytes; proc(5), io. Without what others write in its name. */
export function writtenBytesOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/io`, 'utf8')
  return Number(/^write_bytes: (\d+)$/m.exec(text)?.[1] ?? Number.NaN)
}
