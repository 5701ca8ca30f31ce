// Parts of a single file where nothing may be executed from: /run on Debian, /var on hardened hosts.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../shared/bytes.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { layPart } from '../../shared/host/lay-part.ts'
import { testInOwnNamespace } from './own-namespace.ts'

const content = Buffer.from('#!/bin/sh\necho it runs\n')
const part = { name: 'engine', sha256: toHex(sha256(content)), content }
const current = new Set([part.sha256])

testInOwnNamespace('parts where nothing may be executed from', import.meta.url, () => {
  test('a place that is mounted noexec, or has no space, is left as it was, and the next is taken', () => {
    const directory = mkdtempSync(join(tmpdir(), 'hf-noexec-'))
    const [noexec, full, good] = ['noexec', 'full', 'good'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ]
    try {
      for (const path of [noexec, full, good]) mkdirSync(path)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'noexec', 'tmpfs', noexec])
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=2', 'tmpfs', full])
      const path = layPart(part, [noexec, full, good], current)
      assert.is(execFileSync(path, { encoding: 'utf8' }), 'it runs\n')
      assert.ok(path.startsWith(`${good}/`))
      assert.equal([readdirSync(noexec), readdirSync(full).filter((name) => name !== 'parts')], [[], []])
      assert.throws(
        () => layPart(part, [noexec], current),
        (error: unknown) => isHoldfastError(error, 'unsupported'),
      )
      execFileSync('mount', ['-o', 'remount,exec', noexec])
      const there = layPart(part, [noexec, good], current)
      assert.ok(there.startsWith(`${noexec}/`))
      execFileSync('mount', ['-o', 'remount,noexec', noexec])
      assert.is(layPart(part, [noexec, good], current), path, 'what was laid before it was mounted so is not used')
    } finally {
      for (const path of [noexec, full]) execFileSync('umount', [path])
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
