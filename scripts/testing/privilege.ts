// Whether this machine can run the lab: network namespaces need root and a few programs.

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
