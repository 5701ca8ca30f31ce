// A device of the lab on which the program lies as on a real one: in slots, started by the starter, under a supervisor that
// starts it again. And builds to update it with, good ones and broken ones.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launcher } from '../../build/launcher.ts'
import { layBeside, packageOf } from '../../build/package.ts'
import { bundleProgram } from '../../build/program.ts'
import { hostTarget } from '../../build/target.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { CommandResult } from './command.ts'
import type { Running } from './host.ts'
import type { LabNode } from './node.ts'

/** On a host of the lab only this is there after a power cut. */
const HOME = '/var/lib/program'
/** As `Restart=on-failure` of the unit: what ends well stays ended. */
const SUPERVISOR = `
while :; do
  "$0/start" agent "$@" &
  echo $! >/run/agent.pid
  wait $! && exit
  sleep 0.2
done
`
const UPDATE_TIMEOUT_MS = 200_000

export interface Builds {
  /** A packed build of that version; `prelude` runs before all else in it. */
  make(version: string, prelude?: string): string
  remove(): void
}

/** Bundled once; further versions differ in nothing but what they say, and in how they begin. */
export async function createBuilds(): Promise<Builds> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-builds-'))
  const stamped = '0.0.0+stamped'
  const files = join(directory, 'files')
  const module = join(files, 'holdfast.mjs')
  await bundleProgram({ name: 'holdfast', entry: 'edge/main.ts', target: hostTarget(), into: files, version: stamped })
  writeFileSync(join(files, 'holdfast'), launcher('holdfast'), { mode: 0o755 })
  layBeside(files)
  const text = readFileSync(module, 'utf8')
  if (!text.includes(stamped)) throw new HoldfastError('failed', 'the bundle does not say its version')
  return {
    make(version, prelude = '') {
      writeFileSync(module, `${prelude}\n${text.replaceAll(stamped, version)}`)
      const path = join(directory, `holdfast-${version}.tar.gz`)
      writeFileSync(path, packageOf(files))
      return path
    },
    remove: () => rmSync(directory, { recursive: true }),
  }
}

function withNode(argv: readonly string[]): readonly string[] {
  return ['env', `HOLDFAST_NODE=${process.execPath}`, ...argv]
}

/** As the README says: unpacked into slot a. Its agent runs from there from its next start on. */
export function layProgram(
  { host, runBy }: Pick<LabNode, 'host' | 'runBy'>,
  build: string,
  flags: readonly string[],
  environment: readonly string[] = [],
): void {
  const home = join(host.lib, 'program')
  const slot = join(home, 'versions/a')
  mkdirSync(slot, { recursive: true })
  execFileSync('tar', ['-xzf', build, '-C', slot])
  writeFileSync(join(home, 'start'), readFileSync(join(slot, 'start')), { mode: 0o755 })
  symlinkSync('versions/a', join(home, 'current'))
  runBy(withNode([...environment, 'sh', '-c', SUPERVISOR, HOME, ...flags]))
}

/** `holdfast update` of the version that runs there, to its verdict. */
export function updateTo({ host }: Pick<LabNode, 'host'>, words: readonly string[]): Promise<CommandResult> {
  return host.attempt(withNode([`${HOME}/current/holdfast`, 'update', ...words]), { timeoutMs: UPDATE_TIMEOUT_MS })
}

/** The same, for what will not come to an end here. */
export function beginUpdate({ host }: Pick<LabNode, 'host'>, words: readonly string[]): Running {
  return host.spawn(withNode([`${HOME}/current/holdfast`, 'update', ...words]), 'update')
}

/** The agent is killed; its supervisor starts it again. */
export async function killAgent({ host }: Pick<LabNode, 'host'>): Promise<void> {
  await host.exec(['sh', '-c', 'kill -9 "$(cat /run/agent.pid)"'])
}
