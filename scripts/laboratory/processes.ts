// Processes by identity: a process id alone may by now belong to somebody else, so it always goes with its start time.

import { readFileSync } from 'node:fs'

export interface ProcessRef {
  readonly pid: number
  /** Clock ticks since boot, field 22 of /proc/PID/stat (proc(5)). */
  readonly startTime: string
}

/** Undefined where no such process runs; a zombie does not run. */
export function processRef(pid: number): ProcessRef | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold spaces and brackets of its own.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const startTime = fields[19]
    return startTime === undefined || fields[0] === 'Z' ? undefined : { pid, startTime }
  } catch {
    return undefined
  }
}

export function isRunning(ref: ProcessRef): boolean {
  return processRef(ref.pid)?.startTime === ref.startTime
}

/** True if the process was there to be signalled. */
export function signal(ref: ProcessRef, name: NodeJS.Signals): boolean {
  if (!isRunning(ref)) return false
  try {
    return process.kill(ref.pid, name)
  } catch {
    return false
  }
}

export function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
