// A device that begins as a fresh Debian on a host of the lab: nothing of ours is on it but what an installer brings. In place of
// systemd a small supervisor starts what the unit would start, in the same way.

import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { AgentStatus } from '../../edge/agent.ts'
import { createLocalClient } from '../../edge/local/client.ts'
import type { CommandResult } from './command.ts'
import { type DebianRoot, layDebianRoot } from './debian-root.ts'
import type { Host, Running } from './host.ts'
import { remains } from './kernel.ts'
import { expect } from './unmet.ts'

/** As the unit: the settings of its file; 75 and failures are followed by a start, 0 is the end. */
const SUPERVISOR = `
set -a
. /etc/holdfast/agent.env
HOLDFAST_SET_CLOCK=false
while :; do
  /opt/holdfast/start agent && exit
  sleep 0.2
done
`
const TIMEOUT_MS = 200_000

export interface FreshDevice {
  readonly host: Host
  readonly root: DebianRoot
  /** A program in it, as root. */
  run(...argv: readonly string[]): Promise<CommandResult>
  /** The same; throws where it fails. */
  must(...argv: readonly string[]): Promise<string>
  /** Copies files of this machine into a directory of it, and says where they are there. */
  bring(into: string, ...paths: readonly string[]): string
  launch(): void
  /** The supervisor ended because the agent ended well. */
  ended(): Promise<number | undefined>
  status(): Promise<AgentStatus>
  /** Nothing of ours is left: in the kernel, and in the files as they were once. */
  clean(before: readonly string[]): Promise<void>
}

export async function createFreshDevice(host: Host, archive: string): Promise<FreshDevice> {
  const root = await layDebianRoot(host, archive)
  let running: Running | undefined
  const run: FreshDevice['run'] = (...argv) => host.attempt(root.enter(argv), { timeoutMs: TIMEOUT_MS })
  return {
    host,
    root,
    run,
    must: (...argv) => host.exec(root.enter(argv), { timeoutMs: TIMEOUT_MS }),
    bring(into, ...paths) {
      const directory = join(root.path, 'srv', into)
      mkdirSync(directory, { recursive: true })
      for (const path of paths) copyFileSync(path, join(directory, basename(path)))
      return `/srv/${into}`
    },
    launch: () => void (running = host.spawn(root.enter(['sh', '-c', SUPERVISOR]), 'agent')),
    ended: () => running?.exited ?? Promise.resolve(undefined),
    status: () =>
      createLocalClient(`/proc/${host.pid()}/root/var/lib/debian/var/lib/holdfast/agent.sock`).status(false),
    async clean(before) {
      const left = await remains(host)
      expect(left === '', 'nothing is left in the kernel', left)
      const was = new Set(before)
      const files = (await root.files()).filter((path) => !was.has(path) && !path.startsWith('./srv'))
      expect(files.length === 0, 'no file is left', files.join(', '))
    },
  }
}

/** Whatever lies in a directory. */
export function allOf(directory: string): readonly string[] {
  return readdirSync(directory).map((name) => join(directory, name))
}
