// The programs under test as every host of the lab finds them: `holdfast` and `holdfast-hub` in its PATH.

import { existsSync, globSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeHoldfastBpf } from '../../build/holdfast-bpf.ts'
import { hostTarget } from '../../build/target.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { onlyKernelWireguard, refuseUserspace } from './only-kernel.ts'

const root = resolve(import.meta.dirname, '../..')

function newestMs(pattern: string): number {
  return Math.max(0, ...globSync(pattern, { cwd: root }).map((path) => statSync(join(root, path)).mtimeMs))
}

/** True if build/out was made from the sources as they are now: a stale bundle would test yesterday's code. */
function isBundleFresh(): boolean {
  const built = newestMs('build/out/*.mjs')
  return (
    built > newestMs('{shared,edge,cloud}/**/*.{ts,tsx,css}') && built > newestMs('{package-lock.json,bpf/**/*.[ch]}')
  )
}

function script(command: string): string {
  return `#!/bin/sh\nexec ${command} "$@"\n`
}

/** The single files of a release in that directory, for the processor of this machine. */
function layReleased(bin: string, directory: string): string {
  for (const name of ['holdfast', 'holdfast-hub']) {
    const program = resolve(root, directory, `${name}-linux-${process.arch}`)
    if (!existsSync(program))
      throw new HoldfastError('not-found', `there is no ${program}`, { remedy: 'npm run build' })
    writeFileSync(join(bin, name), script(`'${program}'`), { mode: 0o755 })
  }
  return bin
}

/**
 * Makes a directory with both programs, from the bundles where they are fresh, else from the sources; from a release where
 * HOLDFAST_LAB_PROGRAMS names its directory.
 */
export function layPrograms(directory: string): string {
  if (/^\/(?:run|var\/lib)\//.test(root)) {
    throw new HoldfastError('unsupported', `the checkout lies in ${root}, which hosts of the lab cannot see`, {
      remedy: 'They have a /run and a /var/lib of their own. Move the checkout elsewhere.',
    })
  }
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  const released = process.env['HOLDFAST_LAB_PROGRAMS']
  if (released !== undefined) return layReleased(bin, released)
  if (onlyKernelWireguard) refuseUserspace(bin)
  const fresh = isBundleFresh()
  // Without compilers the relays of the lab go by nft alone.
  if (!fresh) makeHoldfastBpf(hostTarget())
  for (const [name, entry] of [
    ['holdfast', 'edge/main.ts'],
    ['holdfast-hub', 'cloud/main.ts'],
  ] as const) {
    const source = `'${join(root, 'node_modules/node/bin/node')}' '${join(root, entry)}'`
    const command = fresh ? `'${join(root, 'build/out', name)}'` : source
    writeFileSync(join(bin, name), script(command), { mode: 0o755 })
  }
  return bin
}
