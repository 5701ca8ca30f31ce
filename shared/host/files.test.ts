// Files that survive a power cut, that nobody else may read, and whose failures say what to do.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type HoldfastError, isHoldfastError } from '../errors.ts'
import { makePrivateDirectory, readIfThere, writeAtomic, writeShared } from './files.ts'

function inDirectory(run: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'hf-files-'))
  try {
    run(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function failure(run: () => unknown): HoldfastError {
  try {
    run()
  } catch (error) {
    if (isHoldfastError(error)) return error
    throw error
  }
  throw new assert.Assertion({ message: 'nothing was thrown', operator: 'throws' } as never)
}

test('what is written is whole and private, whatever lay in the way', () =>
  inDirectory((directory) => {
    const path = join(directory, 'key')
    const elsewhere = join(directory, 'elsewhere')
    writeFileSync(elsewhere, 'mine', { mode: 0o644 })
    symlinkSync(elsewhere, `${path}.new`)
    writeAtomic(path, 'secret')
    assert.is(readIfThere(path), 'secret')
    assert.is(statSync(path).mode & 0o777, 0o600)
    assert.is(readFileSync(elsewhere, 'utf8'), 'mine')
    assert.not(existsSync(`${path}.new`))
    makePrivateDirectory(join(directory, 'a', 'b'))
    const modeOf = (name: string): number => statSync(join(directory, name)).mode & 0o7777
    assert.is(modeOf('a/b'), 0o700)
    for (const [name, mode, after] of [
      ['made-for-us', 0o755, 0o700],
      ['everybodys', 0o1777, 0o1777],
    ] as const) {
      mkdirSync(join(directory, name))
      chmodSync(join(directory, name), mode)
      makePrivateDirectory(join(directory, name))
      assert.is(modeOf(name), after, name)
    }
    chmodSync(join(directory, 'a'), 0o755)
    makePrivateDirectory(join(directory, 'a'))
    assert.is(modeOf('a'), 0o755, 'something lies in it')
  }))

test('what other users read they may read, whatever the umask; what is private heeds it', () =>
  inDirectory((directory) => {
    const modeOf = (name: string): number => statSync(join(directory, name)).mode & 0o777
    const before = process.umask(0o077)
    try {
      writeShared(join(directory, 'figures'), 'up 1\n')
      writeShared(join(directory, 'start'), '#!/bin/sh\n', 0o755)
      writeAtomic(join(directory, 'own'), 'x', 0o644)
    } finally {
      process.umask(before)
    }
    assert.equal(['figures', 'start', 'own'].map(modeOf), [0o644, 0o755, 0o600])
    const lost = failure(() => writeShared(join(directory, 'none', 'file'), 'x'))
    assert.match(lost.message, join(directory, 'none', 'file'))
  }))

test('what is not there is undefined; what fails says where and what to do', () =>
  inDirectory((directory) => {
    assert.is(readIfThere(join(directory, 'none')), undefined)
    const lost = failure(() => writeAtomic(join(directory, 'none', 'file'), 'x'))
    assert.match(lost.message, join(directory, 'none', 'file'))
    assert.match(lost.remedy ?? '', 'Make the directory first')
    assert.match(failure(() => readIfThere(directory)).message, 'cannot read')
    writeFileSync(join(directory, 'file'), '')
    assert.match(failure(() => makePrivateDirectory(join(directory, 'file', 'below'))).message, 'cannot make')
  }))

test.run()
