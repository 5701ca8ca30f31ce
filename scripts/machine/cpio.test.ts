// The archive that the kernel unpacks at boot, read back field by field as its documentation has them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type CpioEntry, packCpio } from './cpio.ts'

interface Unpacked {
  readonly path: string
  readonly mode: number
  readonly content: string
}

function unpack(archive: Uint8Array): readonly Unpacked[] {
  const text = Buffer.from(archive).toString('latin1')
  const found: Unpacked[] = []
  for (let at = 0; at < text.length; ) {
    assert.is(text.slice(at, at + 6), '070701')
    const field = (i: number): number => Number.parseInt(text.slice(at + 6 + 8 * i, at + 14 + 8 * i), 16)
    const [mode, size, nameSize] = [field(1), field(6), field(11)]
    const path = text.slice(at + 110, at + 110 + nameSize - 1)
    assert.is(text.charCodeAt(at + 110 + nameSize - 1), 0)
    const begin = at + Math.ceil((110 + nameSize) / 4) * 4
    found.push({ path, mode, content: text.slice(begin, begin + size) })
    at = begin + Math.ceil(size / 4) * 4
  }
  return found
}

const entries: readonly CpioEntry[] = [
  { path: 'bin' },
  { path: 'bin/a', content: Uint8Array.of(1) },
  { path: 'bin/abcd', content: Buffer.from('four') },
  { path: 'init', content: Buffer.from('#!/bin/sh\n') },
  { path: 'empty', content: new Uint8Array() },
]

test('directories, programs of any length, and a trailer, each on a boundary of four bytes', () => {
  const seen = unpack(packCpio(entries))
  assert.equal(
    seen.map(({ path }) => path),
    ['bin', 'bin/a', 'bin/abcd', 'init', 'empty', 'TRAILER!!!'],
  )
  assert.is(seen[0]?.mode, 0o040755)
  assert.is(seen[1]?.mode, 0o100755)
  assert.equal(
    seen.slice(1, 5).map(({ content }) => content),
    ['\u0001', 'four', '#!/bin/sh\n', ''],
  )
})

test('one archive may follow another', () => {
  const both = Buffer.concat([packCpio(entries), packCpio([{ path: 'boot', content: Buffer.from('x') }])])
  assert.equal(unpack(both).filter(({ path }) => path !== 'TRAILER!!!').length, entries.length + 1)
})

test.run()
