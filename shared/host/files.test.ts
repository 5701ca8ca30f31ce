// Files that survive a power cut, that nobody else may read, and whose failures say what to do.

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type HoldfastError, isHoldfastError } from '../errors.ts'
import { makePrivateDirectory, readIfThere, writeAtomic } from './files.ts'

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
    assert.is(statSync(join(directory, 'a', 'b')).mode & 0o777, 0o700)
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
