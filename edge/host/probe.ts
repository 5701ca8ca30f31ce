// What can be known of this host without changing it. An interface, so that the doctor is tested on hosts nobody has.

import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { arch, release } from 'node:os'
import { join } from 'node:path'
import { carries } from '../../shared/host/carried.ts'
import type { AgentSettings } from '../agent.ts'

export interface HostProbe {
  readonly isRoot: boolean
  exists(path: string): boolean
  /** Content of a small file, trimmed; undefined where it can't be read. */
  read(path: string): string | undefined
  list(path: string): readonly string[]
  /** Where a program is, in words: inside of this one, on the path, or where administrators' programs are. */
  which(program: string): string | undefined
  freeBytes(path: string): number | undefined
  /** Permission bits. */
  modeOf(path: string): number | undefined
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch {
    return undefined
  }
}

export function hostProbe(env: Readonly<Record<string, string | undefined>>): HostProbe {
  const directories = [...new Set([...(env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin', '/bin'])]
  return {
    isRoot: process.getuid?.() === 0,
    exists: existsSync,
    read: (path) => attempt(() => readFileSync(path, 'utf8').trim()),
    list: (path) => attempt(() => readdirSync(path)) ?? [],
    which: (program) =>
      carries(program)
        ? `${program} inside this program`
        : directories
            .filter((directory) => directory !== '')
            .map((directory) => join(directory, program))
            .find((path) => attempt(() => (accessSync(path, constants.X_OK), true)) === true),
    freeBytes: (path) =>
      attempt(() => {
        const { bavail, bsize } = statfsSync(path)
        return bavail * bsize
      }),
    modeOf: (path) => attempt(() => statSync(path).mode & 0o777),
  }
}

/** Built in or loaded: both show under /sys/module, or as a file that modprobe can load. */
export function hasKernelWireguard(probe: HostProbe): boolean {
  if (probe.exists('/sys/module/wireguard')) return true
  const modules = `/lib/modules/${release()}`
  const listed = ['modules.builtin', 'modules.dep'].map((file) => probe.read(join(modules, file)) ?? '')
  return listed.some((text) => /\/wireguard\.ko/.test(text))
}

export function describeHost(probe: HostProbe): AgentSettings['host'] {
  const os = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(probe.read('/etc/os-release') ?? '')?.[1] ?? 'unknown'
  const userspace = probe.which('wireguard-go') === undefined ? 'none' : 'wireguard-go'
  return {
    os: os.slice(0, 128),
    kernel: release().slice(0, 128),
    arch: arch(),
    wireguard: hasKernelWireguard(probe) ? 'kernel' : userspace,
  }
}
