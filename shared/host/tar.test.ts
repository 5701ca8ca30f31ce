// Archives as they are packed here and by `tar`, and what is refused.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, utf8 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { packTar, readTar, type TarFile } from './tar.ts'

const files = new Map<string, TarFile>([
  ['holdfast', { content: utf8('#!/bin/sh\n'), executable: true }],
  ['empty', { content: new Uint8Array(0), executable: false }],
  ['block.mjs', { content: new Uint8Array(512).fill(7), executable: false }],
])

function inDirectory(run: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'hf-tar-'))
  try {
    run(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function refused(bytes: Uint8Array, filesMax = 64): string {
  try {
    readTar(bytes, filesMax)
  } catch (error) {
    if (error instanceof HoldfastError) return error.message
    throw error
  }
  return 'taken'
}

test('what was packed is read, and `tar` reads it, too', () => {
  const read = readTar(packTar(files), 64)
  assert.equal([...read.keys()], [...files.keys()])
  for (const [name, { content, executable }] of files) {
    assert.ok(Buffer.compare(read.get(name)?.content ?? utf8('?'), content) === 0, name)
    assert.is(read.get(name)?.executable, executable)
  }
  inDirectory((directory) => {
    execFileSync('tar', ['-xf', '-', '-C', directory], { input: packTar(files) })
    assert.is(readFileSync(join(directory, 'holdfast'), 'utf8'), '#!/bin/sh\n')
    assert.is(statSync(join(directory, 'holdfast')).mode & 0o777, 0o755)
    assert.is(statSync(join(directory, 'block.mjs')).size, 512)
  })
})

test('what `tar` packed is read; links, directories with something in them and ways out are refused', () => {
  inDirectory((directory) => {
    writeFileSync(join(directory, 'one'), 'text')
    const tar = (...words: readonly string[]) => execFileSync('tar', ['-cf', '-', '-C', directory, ...words])
    assert.is(fromUtf8(readTar(tar('one'), 64).get('one')?.content ?? new Uint8Array(0)), 'text')
    assert.equal([...readTar(tar('.'), 64).keys()], ['one'])
    symlinkSync('/etc/passwd', join(directory, 'link'))
    assert.match(refused(tar('link')), 'more than files')
    mkdirSync(join(directory, 'deep'))
    writeFileSync(join(directory, 'deep/two'), 'text')
    assert.match(refused(tar('deep/two')), 'more than files')
    assert.match(refused(tar('-P', '--transform=s#one#../one#', 'one')), 'more than files')
  })
})

test('too many files, and one twice', () => {
  assert.match(refused(packTar(files), 2), 'too many')
  const twice = Buffer.concat([packTar(files).subarray(0, 1_024), packTar(files)])
  assert.match(refused(twice), 'twice')
})

test('any damage to a header, and any early end, is seen', () => {
  const whole = packTar(files)
  fc.assert(
    fc.property(fc.nat(511), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const bytes = Uint8Array.from(whole)
      bytes[at] = (bytes[at] ?? 0) ^ change
      assert.is.not(refused(bytes), 'taken')
    }),
    { examples: [[154, 1]] },
  )
  fc.assert(fc.property(fc.nat(whole.length - 1_024), (length) => refused(whole.subarray(0, length)) !== 'taken'))
})

test.run()
