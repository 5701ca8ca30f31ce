// The program that sends more packets a second than a script can, made when it is needed.

import { execFileSync } from 'node:child_process'
import { basename, join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'

/** The program of a C source, in `directory`. */
export function buildProgram(source: string, directory: string): string {
  const program = join(directory, basename(source, '.c'))
  try {
    execFileSync('gcc', ['-O2', '-o', program, source], { stdio: 'pipe' })
  } catch (cause) {
    throw new HoldfastError('unsupported', 'there is no C compiler to make the sender with', {
      remedy: 'Install it: apt install gcc libc6-dev',
      cause,
    })
  }
  return program
}

export function buildUdpLoad(directory: string): string {
  return buildProgram(join(import.meta.dirname, 'udp-load.c'), directory)
}
