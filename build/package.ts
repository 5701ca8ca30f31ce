// The agent's build as one file: what lies in a slot of a device, the starter, and the units. The first installation unpacks it,
// `holdfast update` takes it as it is.

import { copyFileSync, existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { packTar, type TarFile } from '../shared/host/tar.ts'
import { starter } from './starter.ts'

const units = resolve(import.meta.dirname, 'systemd')
const FILES = ['holdfast', 'holdfast.mjs', 'holdfast.mjs.LEGAL.txt', 'holdfast-bpf', 'start']
const UNITS = [
  'holdfast.service',
  'holdfast@.service',
  'holdfast-boot.service',
  'holdfast-drain.service',
  'holdfast-drain@.service',
  'holdfast-netns@.service',
  'holdfast-relay.service',
]
// A device refuses a build in which a name is more than letters, digits, dots and lines, and each device out there updates by
// what it runs: a template stays out. The installations write it, and the single file carries it.
const LAID = UNITS.filter((name) => !name.includes('@'))

/** The units by name. */
export function unitTexts(): readonly (readonly [string, string])[] {
  return UNITS.map((name) => [name, readFileSync(join(units, name), 'utf8')])
}

/** Lays what is not made by the bundler beside the program in `directory`. */
export function layBeside(directory: string): void {
  writeFileSync(join(directory, 'start'), starter, { mode: 0o755 })
  for (const name of LAID) copyFileSync(join(units, name), join(directory, name))
}

/** The same files are the same bytes. */
export function packageOf(directory: string): Uint8Array {
  const names = [...FILES, ...LAID, ...globSync('sqlite-*.node', { cwd: directory })]
  const there = names.filter((name) => existsSync(join(directory, name))).sort()
  const files = there.map((name): [string, TarFile] => {
    const path = join(directory, name)
    return [name, { content: readFileSync(path), executable: (statSync(path).mode & 0o100) !== 0 }]
  })
  return gzipSync(packTar(new Map(files)), { level: 9 })
}
