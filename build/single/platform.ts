// What is in a program beside its own code and its packages: Node with its libraries, and for the agent the C library in the
// loader of kernel programs.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Component } from './component.ts'

/** Keys of `process.versions` that name no library. */
const NO_LIBRARY = new Set(['node', 'modules', 'napi', 'unicode', 'cldr', 'tz'])

/** This Node's, which is of the same version as the base of every target. */
export function nodeComponents(licence: string): readonly Component[] {
  const { node } = process.versions
  const purl = `pkg:generic/node@${node}`
  const own: Component = { name: 'node', version: node, purl, licence: undefined, text: licence }
  const inside = Object.entries(process.versions).flatMap(([name, version]): Component[] =>
    version === undefined || version === '' || NO_LIBRARY.has(name)
      ? []
      : // Their licences stand in Node's.
        [{ name, version, purl: `pkg:generic/${name}@${version}`, licence: undefined, text: '', within: purl }],
  )
  return [own, ...inside]
}

/** Of the GNU C library that holdfast-bpf is linked with, statically. */
export function cLibrary(): Component {
  const said = execFileSync('gcc', ['-print-file-name=libc.a'], { encoding: 'utf8' }).trim()
  const version = /GNU C Library \((?:Debian GLIBC|GNU libc|[^)]*?) ?([0-9][^)\s]*)?\)[^0-9]*version ([0-9.]+\d)/.exec(
    readFileSync(said, 'latin1'),
  )
  const found = version?.[1] ?? version?.[2] ?? 'unknown'
  return {
    name: 'glibc',
    version: found,
    purl: `pkg:deb/debian/glibc@${encodeURIComponent(found)}`,
    licence: 'LGPL-2.1-or-later',
    text: [
      `The GNU C Library, LGPL-2.1-or-later, is linked into holdfast-bpf. Its source is Debian’s package glibc ${found};`,
      'to link holdfast-bpf with another one: `make -C bpf` in the source of this program.',
    ].join('\n'),
  }
}
