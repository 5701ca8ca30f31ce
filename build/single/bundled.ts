// Packages of the registry that are in a program: those that the bundler has taken bytes of, and no others.

import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Metafile } from 'esbuild'
import { byName, type Component, licenceText } from './component.ts'

const root = resolve(import.meta.dirname, '../..')
/** The innermost package that a file lies in. */
const PACKAGE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//

function directoriesOf(metafile: Metafile): readonly string[] {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs))
  const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  return [...new Set(used.flatMap(([path]) => PACKAGE.exec(path)?.[1] ?? []))]
}

/** `@scope/name` is `%40scope/name` there. */
function npmPurl(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`
}

/** Some packages come without a file of it: their word, and who they are by, is all there is. */
function textOf(directory: string, licence: string, manifest: { author?: unknown }): string {
  try {
    return licenceText(directory, licence)
  } catch {
    const { author } = manifest
    const by = typeof author === 'string' ? author : ((author as { name?: string } | undefined)?.name ?? 'its authors')
    return `${licence}, by ${by}`
  }
}

function componentIn(directory: string): Component {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license?: string
    author?: unknown
  }
  const { license = 'NOASSERTION', name, version } = manifest
  return { name, version, purl: npmPurl(name, version), licence: license, text: textOf(directory, license, manifest) }
}

/** SQLite's own code, which lies in the addon. */
function sqlite(library: Component): Component | undefined {
  const header = join(root, 'node_modules', library.name, 'deps/sqlite3/sqlite3.h')
  if (!existsSync(header)) return undefined
  const version = /^#define SQLITE_VERSION\s+"([^"]+)"/m.exec(readFileSync(header, 'utf8'))?.[1] ?? ''
  return {
    name: 'sqlite',
    version,
    purl: `pkg:generic/sqlite@${version}`,
    licence: 'blessing',
    text: 'SQLite is in the public domain: https://sqlite.org/copyright.html',
    within: library.purl,
  }
}

export function bundledComponents(metafile: Metafile): readonly Component[] {
  const found = directoriesOf(metafile).map((directory) => componentIn(resolve(root, directory)))
  const addon = found.find(({ name }) => name === 'better-sqlite3')
  const inside = addon === undefined ? undefined : sqlite(addon)
  return (inside === undefined ? found : [...found, inside]).sort(byName)
}
