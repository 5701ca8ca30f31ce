// One single file: Node, one program of ours, and all that it carries.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { dashboardBytesMax } from '../../shared/dashboard-limits.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { dashboardPart, packFiles, readFilesIn } from '../../shared/host/carried-files.ts'
import { bundleDashboard } from '../dashboard.ts'
import { makeHoldfastBpf } from '../holdfast-bpf.ts'
import { unitTexts } from '../package.ts'
import { bundleForSingle } from '../program.ts'
import type { Program } from '../programs.ts'
import { addonPart } from '../sqlite-addon.ts'
import { starter } from '../starter.ts'
import { tuningOf } from '../tuning.ts'
import { baseOf } from './base.ts'
import { makeBlob } from './blob.ts'
import { bundledComponents } from './bundled.ts'
import type { Component } from './component.ts'
import { injectBlob } from './elf.ts'
import { trimIcu } from './icu.ts'
import { cLibrary, nodeComponents } from './platform.ts'
import { licencesText } from './sbom.ts'
import type { ReleaseTarget } from './targets.ts'
import { wireguardGo } from './wireguard-go.ts'

const root = resolve(import.meta.dirname, '../..')

export interface SingleFile {
  readonly path: string
  /** All that is in it and was made by others. */
  readonly components: readonly Component[]
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

interface Parts {
  readonly files: ReadonlyMap<string, string>
  readonly components: readonly Component[]
}

/** The dashboard in one file, as the hub unpacks it, with what of it others have made. */
async function dashboardOf(work: string): Promise<Parts> {
  const { metafile } = await bundleDashboard(work)
  const path = join(work, dashboardPart)
  writeFileSync(path, packFiles(readFilesIn(join(work, 'dashboard'), dashboardBytesMax)))
  return { files: new Map([[dashboardPart, path]]), components: bundledComponents(metafile) }
}

async function partsOf({ kind }: Program, target: ReleaseTarget, work: string): Promise<Parts> {
  const addon = [addonPart, addonPath(target)] as const
  if (kind === 'hub') {
    const { components, files } = await dashboardOf(work)
    return { files: new Map([addon, ...files]), components }
  }
  const { components, path } = await wireguardGo(target)
  const files = new Map([addon, ['holdfast-bpf', bpfPath(target)], ['wireguard-go', path]])
  return { files, components: [...components, cLibrary()] }
}

/** What lies beside a program where it is not one file. */
function textsOf({ kind }: Program, components: readonly Component[]): ReadonlyMap<string, string> {
  const own = readFileSync(join(root, 'LICENSE'), 'utf8')
  const licences = [
    ['LICENSE', own],
    ['LICENSES.txt', licencesText(components)],
  ] as const
  if (kind === 'hub') return new Map(licences)
  return new Map([['start', starter], ...unitTexts(), ...licences])
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
  // What malloc goes by is read before any of our code runs: the starter says it.
  const ours = Object.fromEntries(Object.entries(environment).filter(([key]) => !key.startsWith('MALLOC_')))
  const metafile = await bundleForSingle({ name, entry, target, into: work, version, environment: ours })
  const { files, components: inParts } = await partsOf(program, target, work)
  const base = await baseOf(target)
  const found = [...bundledComponents(metafile), ...inParts, ...nodeComponents(base.licence)]
  // Program and dashboard may be made of the same packages.
  const components = [...new Map(found.map((one) => [one.purl, one])).values()]
  const blob = await makeBlob({
    main: join(work, `${name}.cjs`),
    flags,
    parts: new Map([...files].map(([part, path]) => [part, readFileSync(path)])),
    texts: textsOf(program, components),
    into: work,
  })
  const path = join(into, `${name}-${target}`)
  writeFileSync(path, injectBlob(trimIcu(readFileSync(base.program)), readFileSync(blob)), { mode: 0o755 })
  return { path, components }
}
