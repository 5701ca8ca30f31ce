// Texts written out for those who install by hand.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../errors.ts'
import { carriedTexts } from './carried.ts'
import { unpackTexts } from './unpack.ts'

const texts = new Map([
  ['start', '#!/bin/sh\nexit 0\n'],
  ['a.service', '[Unit]\n'],
])

test('texts are written as they are, scripts executable; a second time replaces them', () => {
  const directory = join(mkdtempSync(join(tmpdir(), 'hf-unpack-')), 'below')
  try {
    const paths = unpackTexts(texts, directory)
    assert.equal(paths, [join(directory, 'start'), join(directory, 'a.service')])
    writeFileSync(join(directory, 'a.service'), 'changed')
    unpackTexts(texts, directory)
    assert.is(readFileSync(join(directory, 'a.service'), 'utf8'), '[Unit]\n')
    assert.equal(
      paths.map((path) => statSync(path).mode & 0o777),
      [0o755, 0o644],
    )
    rmSync(join(directory, 'start'))
    mkdirSync(join(directory, 'start'))
    assert.throws(
      () => unpackTexts(texts, directory),
      (error: unknown) => isHoldfastError(error, 'conflict'),
    )
    assert.throws(
      () => unpackTexts(texts, join(directory, 'a.service')),
      (error: unknown) => isHoldfastError(error, 'failed'),
    )
  } finally {
    rmSync(join(directory, '..'), { recursive: true, force: true })
  }
})

test('what is no single file says so', () => {
  assert.throws(
    () => unpackTexts(carriedTexts(), '/nowhere'),
    (error: unknown) => isHoldfastError(error, 'unsupported'),
  )
})

test.run()
