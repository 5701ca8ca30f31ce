// A Debian package, deb(5): an `ar` archive of its format, its control files and its data. Written here and not by dpkg-deb, so
// that it is made wherever Node is, and the same files are the same bytes whatever made the last package compress.

import { createHash } from 'node:crypto'
import { HoldfastError } from '../../shared/errors.ts'
import { gzip, packedTarOfTree, type Tree, tarOfTree, text } from './tree.ts'

export interface DebOptions {
  /** Fields of the control file in their order (deb-control(5)), without Installed-Size. */
  readonly control: ReadonlyMap<string, string>
  /** preinst, postinst, prerm, postrm: their text. */
  readonly scripts: ReadonlyMap<string, string>
  /** Paths in `data` that people change, and an upgrade asks about. */
  readonly conffiles: readonly string[]
  readonly data: Tree
  /** Of all that is in it; seconds since the Unix epoch. */
  readonly mtimeS: number
}

/** ar(5), the common format: a line of fixed columns before each member, which starts at an even byte. */
function member(name: string, content: Uint8Array, mtimeS: number): Buffer {
  const columns: readonly (readonly [string, number])[] = [
    [name, 16],
    [String(mtimeS), 12],
    ['0', 6],
    ['0', 6],
    ['100644', 8],
    [String(content.length), 10],
  ]
  const head = `${columns.map(([value, width]) => value.padEnd(width)).join('')}\`\n`
  return Buffer.concat([Buffer.from(head), content, Buffer.from(content.length % 2 === 0 ? '' : '\n')])
}

function installedKib(data: Tree): number {
  const sizes = [...data.values()].map((entry) => (entry.kind === 'file' ? Math.ceil(entry.content.length / 1_024) : 1))
  return sizes.reduce((sum, size) => sum + size, 0)
}

function md5sums(data: Tree, conffiles: readonly string[]): string {
  return [...data]
    .filter(([path]) => !conffiles.includes(path))
    .flatMap(([path, entry]) =>
      // deb-md5sums(5): against decay and not against people.
      entry.kind === 'file' ? [`${createHash('md5').update(entry.content).digest('hex')}  ${path}`] : [],
    )
    .sort((a, b) => (a.slice(34) < b.slice(34) ? -1 : 1))
    .map((line) => `${line}\n`)
    .join('')
}

function controlText(control: ReadonlyMap<string, string>, data: Tree): string {
  const fields = [...control, ['Installed-Size', String(installedKib(data))] as const]
  const bad = fields.find(([, value]) => value.includes('\n\n') || /\n[^ ]/.test(value))
  if (bad !== undefined) throw new HoldfastError('invalid', `the control field ${bad[0]} has a line that ends it`)
  return fields.map(([name, value]) => `${name}: ${value}\n`).join('')
}

export function debOf({ conffiles, control, data, mtimeS, scripts }: DebOptions): Uint8Array {
  const stray = conffiles.find((path) => data.get(path)?.kind !== 'file')
  if (stray !== undefined) throw new HoldfastError('invalid', `the package lists ${stray}, and holds no such file`)
  const files: Tree = new Map([
    ['control', text(controlText(control, data))],
    ['md5sums', text(md5sums(data, conffiles))],
    ...(conffiles.length === 0 ? [] : [['conffiles', text(conffiles.map((path) => `/${path}\n`).join(''))] as const]),
    ...[...scripts].map(([name, script]) => [name, text(script, 0o755)] as const),
  ])
  return Buffer.concat([
    Buffer.from('!<arch>\n'),
    member('debian-binary', Buffer.from('2.0\n'), mtimeS),
    member('control.tar.gz', gzip(tarOfTree(files, mtimeS, './')), mtimeS),
    member('data.tar.gz', packedTarOfTree(data, mtimeS, './').bytes, mtimeS),
  ])
}
