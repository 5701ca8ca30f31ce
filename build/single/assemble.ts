// One single file: Node, one program of ours, and all that it carries.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Metafile } from 'esbuild'
import { HoldfastError } from '../../shared/errors.ts'
import { makeHoldfastBpf } from '../holdfast-bpf.ts'
import { bundleForSingle } from '../program.ts'
import type { Program } from '../programs.ts'
import { addonPart } from '../sqlite-addon.ts'
import { tuningOf } from '../tuning.ts'
import { baseOf } from './base.ts'
import { makeBlob } from './blob.ts'
import { injectBlob } from './elf.ts'
import type { ReleaseTarget } from './targets.ts'
import { wireguardGo } from './wireguard-go.ts'

const root = resolve(import.meta.dirname, '../..')

export interface SingleFile {
  readonly path: string
  readonly metafile: Metafile
}

/** The SQLite addon as its library ships it. */
export function addonPath(target: ReleaseTarget): string {
  return join(root, 'node_modules/better-sqlite3/prebuilds', `${target}.node`)
}

function bpfPath(target: ReleaseTarget): string {
  const made = makeHoldfastBpf(target)
  if (typeof made !== 'string') return made.path
  throw new HoldfastError('unsupported', `holdfast-bpf can't be made for ${target}: ${made}`, {
    remedy: 'Install clang, make, gcc, and for arm64 gcc-aarch64-linux-gnu and libc6-dev-arm64-cross.',
  })
}

async function partsOf(program: Program, target: ReleaseTarget): Promise<ReadonlyMap<string, Uint8Array>> {
  const parts = new Map([[addonPart, addonPath(target)]])
  if (program.kind === 'agent') {
    parts.set('holdfast-bpf', bpfPath(target))
    parts.set('wireguard-go', await wireguardGo(target))
  }
  return new Map([...parts].map(([name, path]) => [name, readFileSync(path)]))
}

export interface AssembleOptions {
  readonly program: Program
  readonly target: ReleaseTarget
  readonly version: string
  /** Where the file goes, and a directory for what is made on the way. */
  readonly into: string
  readonly work: string
}

export async function assemble(options: AssembleOptions): Promise<SingleFile> {
  const { into, program, target, version } = options
  const { name, entry } = program
  const { environment, flags } = tuningOf(name)
  const work = join(options.work, `${name}-${target}`)
  mkdirSync(work, { recursive: true })
  // The number of malloc's arenas is read before any of our code runs: the starter and the units say it.
  const { MALLOC_ARENA_MAX: _, ...ours } = environment
  const metafile = await bundleForSingle({ name, entry, target, into: work, version, environment: ours })
  const parts = await partsOf(program, target)
  const blob = await makeBlob({ main: join(work, `${name}.cjs`), flags, parts, into: work })
  const base = await baseOf(target)
  const path = join(into, `${name}-${target}`)
  writeFileSync(path, injectBlob(readFileSync(base.program), readFileSync(blob)), { mode: 0o755 })
  return { path, metafile }
}
