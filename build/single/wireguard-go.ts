// A static wireguard-go for devices whose kernel has no WireGuard, from its authors' Go module, pinned in build/wireguard-go.

import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { cached } from './cache.ts'
import { type Component, licenceText } from './component.ts'
import { type Go, goProcessors, goVersion, pinnedGo } from './go.ts'
import type { ReleaseTarget } from './targets.ts'
import { tool } from './tool.ts'

const module = resolve(import.meta.dirname, '../wireguard-go')
const PACKAGE = 'golang.zx2c4.com/wireguard'
/** No paths, no version control, no build id: two builds are the same bytes. */
const FLAGS = ['-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags=-s -w -buildid=']

/** By path; what Go says of a program names none. */
const LICENCES: readonly (readonly [RegExp, string])[] = [
  [/^golang\.zx2c4\.com\//, 'MIT'],
  [/^golang\.org\/x\//, 'BSD-3-Clause'],
]

async function componentOf({ env, program }: Go, path: string, version: string): Promise<Component> {
  const licence = LICENCES.find(([pattern]) => pattern.test(path))?.[1]
  if (licence === undefined) {
    throw new HoldfastError('unsupported', `${path} is new in wireguard-go, and its licence is not known here`, {
      remedy: 'Read it, and name it in build/single/wireguard-go.ts.',
    })
  }
  const said = await tool(program, ['mod', 'download', '-json', `${path}@${version}`], { cwd: module, env })
  const { Dir } = JSON.parse(said) as { Dir: string }
  return { name: path, version, purl: `pkg:golang/${path}@${version}`, licence, text: licenceText(Dir, path) }
}

/** Modules that are really in the program, as it says itself, and Go's own library. */
async function componentsIn(go: Go, path: string): Promise<readonly Component[]> {
  const said = await tool(go.program, ['version', '-m', path], { env: go.env })
  const modules = [...said.matchAll(/^\t(?:mod|dep)\t(\S+)\t(\S+)/gm)]
  const found: Component[] = []
  for (const [, name = '', version = ''] of modules) found.push(await componentOf(go, name, version))
  const [own, ...others] = found
  const within = own === undefined ? {} : { within: own.purl }
  // Go's authors have one licence for all that is theirs.
  const text = others.find(({ name }) => name.startsWith('golang.org/x/'))?.text ?? ''
  const library = {
    name: 'go',
    version: goVersion,
    purl: `pkg:golang/stdlib@${goVersion}`,
    licence: 'BSD-3-Clause',
    text,
  }
  return [...(own === undefined ? [] : [own]), ...[...others, library].map((one) => ({ ...one, ...within }))]
}

async function compile(target: ReleaseTarget, draft: string): Promise<void> {
  const go = await pinnedGo()
  const path = join(draft, 'wireguard-go')
  mkdirSync(draft)
  try {
    const env = { ...go.env, GOOS: 'linux', GOARCH: goProcessors[target] }
    await tool(go.program, ['build', ...FLAGS, '-o', path, PACKAGE], { cwd: module, env })
    writeFileSync(join(draft, 'components.json'), JSON.stringify(await componentsIn(go, path)))
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw error
  }
}

export interface WireguardGo {
  readonly path: string
  readonly components: readonly Component[]
}

/** The program for `target`, compiled once for each change of its pins, and what is in it. */
export async function wireguardGo(target: ReleaseTarget): Promise<WireguardGo> {
  const pins = ['go.mod', 'go.sum'].map((name) => readFileSync(join(module, name)))
  const hash = createHash('sha256').update(`2 ${goVersion} ${FLAGS.join(' ')}`)
  for (const pin of pins) hash.update(pin)
  const name = `wireguard-go-${target}-${hash.digest('hex').slice(0, 16)}`
  const directory = await cached(name, (draft) => compile(target, draft))
  const components = JSON.parse(readFileSync(join(directory, 'components.json'), 'utf8')) as readonly Component[]
  return { path: join(directory, 'wireguard-go'), components }
}
