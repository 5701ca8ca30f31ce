// The program of a further network is that of the host, and is updated with it. Its agent is not started by the starter, which
// counts; it looks itself whether another version is started by now, and has proven itself.

import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Clock, Timer } from '../../shared/effects.ts'
import { homeFiles } from './program-home.ts'

/** An update may wait for it: nobody misses a version of a minute ago. */
const LOOK_MS = 60_000

function realpathIfThere(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

/** `directory`: of the program that runs. False too where that is no slot. */
export function isSuperseded(directory: string): boolean {
  const own = realpathIfThere(directory)
  if (own === undefined || basename(dirname(own)) !== 'versions') return false
  const files = homeFiles(dirname(dirname(own)))
  const current = realpathIfThere(files.current)
  return current !== undefined && current !== own && !existsSync(files.mark)
}

/** Calls `onOther` once; returns what ends the looking. */
export function followProgram(directory: string, clock: Clock, onOther: () => void): () => void {
  let timer: Timer | undefined
  const look = (): void => {
    if (isSuperseded(directory)) return onOther()
    timer = clock.after(LOOK_MS, look)
  }
  timer = clock.after(LOOK_MS, look)
  return () => timer?.cancel()
}
