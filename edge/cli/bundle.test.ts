// The support bundle: readable by tar, bounded, and free of secrets.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { ensureKeys } from '../enrol/device-keys.ts'
import { stateFiles } from '../host/files.ts'
import { makeBundle } from './bundle.ts'
import { redact } from './redact.ts'

test('a bundle can be unpacked by tar, and no secret is in it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hf-bundle-'))
  const files = stateFiles(join(directory, 'state'))
  ensureKeys(files)
  const password = 'p4ssw0rd-of-the-broker'
  writeFileSync(files.identity, JSON.stringify({ name: 'n', broker: { username: 'u', password } }))
  const { readFileSync } = await import('node:fs')
  const secrets = [files.wgKey, files.deviceKey].map((path) => readFileSync(path, 'utf8').trim())
  const bundle = await makeBundle({
    files,
    interface: 'hf0',
    now: 1_600_000_000_000,
    run: async (argv) => {
      if (argv[0] === 'nft') throw new HoldfastError('unsupported', 'this host has no nft')
      return `${argv.join(' ')} ${secrets.join(' ')}\n`
    },
    parts: { 'status.json': async () => `{"leak":"${password}"}`, 'large.txt': async () => 'x'.repeat(5 << 20) },
  })
  const raw = gunzipSync(bundle).toString('latin1')
  for (const secret of [...secrets, password]) assert.not(raw.includes(secret))
  writeFileSync(join(directory, 'b.tar.gz'), bundle)
  const listed = execFileSync('tar', ['-tzf', join(directory, 'b.tar.gz')]).toString()
  assert.ok(listed.includes('holdfast/status.json'))
  execFileSync('tar', ['-xzf', join(directory, 'b.tar.gz'), '-C', directory])
  assert.is(readFileSync(join(directory, 'holdfast/status.json'), 'utf8'), '{"leak":"[redacted]"}')
  assert.match(readFileSync(join(directory, 'holdfast/kernel/nft.txt'), 'utf8'), 'this host has no nft')
  assert.ok(readFileSync(join(directory, 'holdfast/large.txt')).length < 3 << 20)
  assert.match(readFileSync(join(directory, 'holdfast/identity.json'), 'utf8'), '"username":"u"')
  rmSync(directory, { recursive: true })
})

test('what looks like a secret is hidden, what is public is not', () => {
  const key = `${'A'.repeat(42)}0=`
  for (const text of [
    `hf1.abcdefgh.${'a'.repeat(86)}`,
    `private key: ${key}`,
    `PrivateKey = ${key}`,
    `preshared key: ${key}`,
    '"password": "hunter2"',
    'Authorization: Bearer abc.def',
  ]) {
    assert.ok(redact(text, []).includes('[redacted]'), text)
  }
  assert.is(redact(`peer: ${key}`, []), `peer: ${key}`)
  assert.is(redact('a short secret', ['a']), 'a short secret')
})

test.run()
