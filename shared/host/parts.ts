// The parts that this program carries, ready to be loaded or started.

import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { carriedDigests, carriedPart, programDirectory } from './carried.ts'
import { layPart } from './lay-part.ts'

const DEFAULT_STATE = '/var/lib/holdfast'

/** Where parts may be laid, best first: a slot of a device, whose parts go with it, but never beside a program in /usr/bin. */
export function partPlaces(
  program: string,
  env: Readonly<Record<string, string | undefined>>,
  isRoot: boolean,
): string[] {
  const slot = basename(dirname(program)) === 'versions' ? [program] : []
  // What systemd gives a service, systemd.exec(5); the first of several.
  const given = env['STATE_DIRECTORY']?.split(':')[0]
  const state = given === undefined || given === '' ? [] : [given]
  if (!isRoot) return [...slot, ...state, join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'holdfast')]
  const own = existsSync(DEFAULT_STATE) && given !== DEFAULT_STATE ? [DEFAULT_STATE] : []
  return [...slot, ...state, ...own, '/var/cache/holdfast', '/run/holdfast']
}

/** Path of the part as a file; undefined where this program carries none of that name. */
export function partPath(name: string): string | undefined {
  const part = carriedPart(name)
  if (part === undefined) return undefined
  const places = partPlaces(programDirectory(), process.env, process.getuid?.() === 0)
  return layPart(part, places, carriedDigests())
}
