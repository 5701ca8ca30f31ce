// A build is read by whatever agent a device runs, also by the first one ever shipped.

import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readTar } from '../shared/host/tar.ts'
import { updateFilesMax } from '../shared/update-limits.ts'
import { layBeside, packageOf } from './package.ts'

test('all that a build holds has a name that every agent takes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-package-'))
  try {
    writeFileSync(join(directory, 'holdfast.mjs'), 'the program')
    layBeside(directory)
    const laid = readdirSync(directory)
    assert.ok(laid.includes('holdfast.service'))
    const read = readTar(gunzipSync(packageOf(directory)), updateFilesMax)
    assert.equal([...read.keys()].sort(), laid.sort())
    // Frozen: what agents have asked of names since the first release, whatever `readTar` asks today.
    for (const name of read.keys()) assert.match(name, /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/)
    // One that comes into the directory otherwise is no part of the build.
    copyFileSync(join(directory, 'holdfast.service'), join(directory, 'holdfast@.service'))
    assert.not.ok(readTar(gunzipSync(packageOf(directory)), updateFilesMax).has('holdfast@.service'))
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test.run()
