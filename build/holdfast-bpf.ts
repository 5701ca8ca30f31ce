// The program that puts others into the kernel, made from bpf/ where there are the compilers; without it nft does all.

import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import type { Target } from './target.ts'

const bpf = resolve(import.meta.dirname, '../bpf')
/** Static: one for both C libraries. */
const COMPILERS: Readonly<Record<Target, string>> = {
  'linux-x64': 'x86_64-linux-gnu-gcc',
  'linuxmusl-x64': 'x86_64-linux-gnu-gcc',
  'linux-arm64': 'aarch64-linux-gnu-gcc',
  'linuxmusl-arm64': 'aarch64-linux-gnu-gcc',
}

function isThere(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
}

/** Makes it anew where its sources changed, or says why not. Several may ask at once. */
export function makeHoldfastBpf(target: Target): { readonly path: string } | string {
  const compiler = COMPILERS[target]
  const missing = ['flock', 'make', 'clang', compiler].find((program) => !isThere(program))
  if (missing !== undefined) return `${missing} is not installed`
  // A directory for each processor; the one of this machine is where a checkout looks.
  const out = target.endsWith(process.arch) ? 'out' : `out/${target}`
  const make = ['make', '-s', '-C', bpf, `CC=${compiler}`, `OUT=${out}`]
  const { status, stderr } = spawnSync('flock', [join(bpf, 'Makefile'), ...make], { encoding: 'utf8' })
  return status === 0 ? { path: join(bpf, out, 'holdfast-bpf') } : `make: ${stderr.trim().slice(0, 300)}`
}
