// A tree of files as a tar archive: what a Debian package or a layer of an image holds. Owned by root, sorted, of one time,
// so that the same files are the same bytes.

import { createHash } from 'node:crypto'
import { dirname } from 'node:path/posix'
import { gzipSync } from 'node:zlib'
import { toHex } from '../../shared/bytes.ts'
import { tarHeader, tarPadding } from '../../shared/host/tar.ts'

export type TreeEntry =
  | {
      readonly kind: 'file'
      readonly content: Uint8Array
      readonly mode: number
      /** The same behind gzip, where it is there already: a program takes seconds to pack. */
      readonly packed?: Uint8Array
    }
  | { readonly kind: 'link'; readonly to: string }
  | { readonly kind: 'directory'; readonly mode: number }

/** By path, without a leading slash. Directories above are made where they are not named. */
export type Tree = ReadonlyMap<string, TreeEntry>

export function text(content: string, mode = 0o644): TreeEntry {
  return { kind: 'file', content: Buffer.from(content), mode }
}

export function file(content: Uint8Array, mode = 0o644): TreeEntry {
  return { kind: 'file', content, mode }
}

/** What is packed already is not packed again. */
export function packedFile(content: Uint8Array, mode = 0o644): TreeEntry {
  return { kind: 'file', content, mode, packed: gzipSync(content, { level: 0 }) }
}

export function link(to: string): TreeEntry {
  return { kind: 'link', to }
}

/** Deterministic: Node's zlib writes neither time nor name. */
export function gzip(bytes: Uint8Array): Uint8Array {
  return gzipSync(bytes, { level: 9 })
}

function parentsOf(path: string): readonly string[] {
  const parent = dirname(path)
  return parent === '.' ? [] : [...parentsOf(parent), parent]
}

/** Every directory stands before what is in it. */
function withParents(tree: Tree): readonly (readonly [string, TreeEntry])[] {
  const all = new Map<string, TreeEntry>()
  for (const path of tree.keys())
    for (const parent of parentsOf(path)) all.set(parent, { kind: 'directory', mode: 0o755 })
  for (const [path, entry] of tree) all.set(path, entry)
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1))
}

interface Piece {
  readonly bytes: Uint8Array
  readonly packed?: Uint8Array | undefined
}

function piecesOf(path: string, entry: TreeEntry, mtimeS: number): readonly Piece[] {
  switch (entry.kind) {
    case 'directory':
      return [{ bytes: tarHeader(`${path}/`, 0, mtimeS, entry.mode, '5') }]
    case 'link':
      return [{ bytes: tarHeader(path, 0, mtimeS, 0o777, '2', entry.to) }]
    case 'file':
      return [
        { bytes: tarHeader(path, entry.content.length, mtimeS, entry.mode) },
        { bytes: entry.content, packed: entry.packed },
        { bytes: tarPadding(entry.content.length) },
      ]
  }
}

function pieces(tree: Tree, mtimeS: number, prefix: string): readonly Piece[] {
  const root = prefix === '' ? [] : [{ bytes: tarHeader(prefix, 0, mtimeS, 0o755, '5') }]
  const inside = withParents(tree).flatMap(([path, entry]) => piecesOf(`${prefix}${path}`, entry, mtimeS))
  return [...root, ...inside, { bytes: Buffer.alloc(1_024) }]
}

/** `prefix`: before each path, `./` as dpkg has it. `mtimeS`: seconds since the Unix epoch, of all. */
export function tarOfTree(tree: Tree, mtimeS: number, prefix = ''): Uint8Array {
  return Buffer.concat(pieces(tree, mtimeS, prefix).map(({ bytes }) => bytes))
}

export interface PackedTar {
  readonly bytes: Uint8Array
  /** Of what is behind gzip, lower-case hex. */
  readonly plainSha256: string
}

/** The same behind gzip, as several members (RFC 1952 §2.2): one for each file that is packed already, and what lies between. */
export function packedTarOfTree(tree: Tree, mtimeS: number, prefix = ''): PackedTar {
  const hash = createHash('sha256')
  const members: Uint8Array[] = []
  let plain: Uint8Array[] = []
  const flush = (): void => {
    if (plain.length > 0) members.push(gzip(Buffer.concat(plain)))
    plain = []
  }
  for (const { bytes, packed } of pieces(tree, mtimeS, prefix)) {
    hash.update(bytes)
    if (packed === undefined) {
      plain.push(bytes)
      continue
    }
    flush()
    members.push(packed)
  }
  flush()
  return { bytes: Buffer.concat(members), plainSha256: toHex(hash.digest()) }
}
