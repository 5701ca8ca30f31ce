// The program that sends more packets a second than a script can, made when it is needed.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'

/** Its path in `directory`. */
export function buildUdpLoad(directory: string): string {
  const load = join(directory, 'udp-load')
  try {
    execFileSync('gcc', ['-O2', '-o', load, join(import.meta.dirname, 'udp-load.c')], { stdio: 'pipe' })
  } catch (cause) {
    throw new HoldfastError('unsupported', 'there is no C compiler to make the sender with', {
      remedy: 'Install it: apt install gcc libc6-dev',
      cause,
    })
  }
  return load
}
