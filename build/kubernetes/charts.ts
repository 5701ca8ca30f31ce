// The Helm charts of a release, as trees of files: what lies in charts/, with the version in it, the rights that the programs
// need, and the definitions made of the hub's own schemas.

import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { packedTarOfTree, type Tree, type TreeEntry, text } from '../debian/tree.ts'

const here = import.meta.dirname
const root = resolve(here, '../..')
const examples = join(root, 'examples/kubernetes')

export const charts = ['holdfast-hub', 'holdfast-agent', 'holdfast-cluster'] as const
export type ChartName = (typeof charts)[number]

/** Stands in sources where a release has its own. */
export const UNBUILT = '0.0.0-unbuilt'

/** A label and a tag of an image have no `+`. */
export function versionTag(version: string): string {
  return version.replaceAll('+', '-')
}

export function withVersion(source: string, version: string): string {
  return source.replaceAll(UNBUILT, version)
}

/** What both people and chart take: the roles that examples/kubernetes has. */
function rights(name: ChartName): readonly (readonly [string, string])[] {
  const files = `${name.replace('holdfast-', '')}-{role,*-role}.yaml`
  return globSync(files, { cwd: examples }).map((one) => [`files/${one}`, readFileSync(join(examples, one), 'utf8')])
}

/** `holdfast-hub crds`: YAML, a document each. */
export function definitionsText(): string {
  return execFileSync(process.execPath, [join(root, 'cloud/main.ts'), 'crds'], { encoding: 'utf8' })
}

export interface ChartOptions {
  readonly version: string
  /** `definitionsText`. */
  readonly definitions: string
}

/** Paths below the chart's own directory. */
export function chartFiles(name: ChartName, { definitions, version }: ChartOptions): ReadonlyMap<string, string> {
  const source = join(here, 'charts', name)
  const paths = globSync('**/*', { cwd: source, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(source.length + 1))
  const own = ['.helmignore', ...paths].map((path) => [path, readFileSync(join(source, path), 'utf8')] as const)
  return new Map([
    ...own.map(([path, content]) => [path, withVersion(content, version)] as const),
    ...rights(name),
    ...(name === 'holdfast-agent' ? [] : ([['files/crds.yaml', definitions]] as const)),
  ])
}

/** As `helm package` lays it: the same files are the same bytes. */
export function packChart(name: ChartName, options: ChartOptions, mtimeS: number): Uint8Array {
  const files = [...chartFiles(name, options)].sort(([a], [b]) => (a < b ? -1 : 1))
  const tree: Tree = new Map(files.map(([path, source]): [string, TreeEntry] => [`${name}/${path}`, text(source)]))
  return packedTarOfTree(tree, mtimeS).bytes
}
