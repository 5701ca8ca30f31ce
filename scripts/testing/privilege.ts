// Whether this machine can run the lab, which needs root for network namespaces and a few programs, and emulate another one.

import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

const PROGRAMS = ['ip', 'nft', 'wg', 'wireguard-go', 'ping', 'conntrack', 'nsenter']

function inPath(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(':')
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Why the lab can't run here, as a sentence; undefined where it can. */
export function whyNoLab(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces: run `sudo ./scripts/test`'
  const missing = PROGRAMS.filter((program) => !inPath(program))
  if (missing.length > 0) return `needs ${missing.join(', ')}: run ./scripts/setup as root`
  return undefined
}

/** Where `./scripts/setup` installs what emulates a machine, for tests on another kernel. */
const EMULATORS: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'qemu-system-x86_64',
  arm64: 'qemu-system-aarch64',
}

/** Why no machine with Debian's kernel can be emulated here, as a sentence; undefined where it can. */
export function whyNoMachine(): string | undefined {
  const emulator = EMULATORS[process.arch]
  if (emulator === undefined) return `no machine of ${process.arch} is emulated`
  const missing = [emulator, 'setpriv', 'depmod', 'dpkg', 'apt-get', 'xz'].filter((program) => !inPath(program))
  return missing.length > 0 ? `needs ${missing.join(', ')} for a machine with Debian's kernel` : undefined
}
