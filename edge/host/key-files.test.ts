// The key files on a real disk: for their owner alone, and whole whatever happens in between.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { generateWgPrivateKey, sharedSecretWith, wgPublicKey } from '../../shared/host/crypto.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { Ring } from '../keys/ring.ts'
import { stateFiles } from './files.ts'
import { openKeyFiles } from './key-files.ts'

function device(run: (files: ReturnType<typeof stateFiles>) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-keys-'))
  const files = stateFiles(directory)
  writeFileSync(files.wgKey, `${generateWgPrivateKey()}\n`, { mode: 0o600 })
  try {
    run(files)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function nextKey({ next }: Ring): WgKey {
  assert.ok(next)
  return next.wgKey
}

const inUse = (path: string) => wgPublicKey(readFileSync(path, 'utf8').trim())

test('a key is prepared beside the one in use, and takes its place', () =>
  device((files) => {
    const keys = openKeyFiles(files, new FakeClock())
    const before = keys.read().current.wgKey
    const prepared = keys.prepare(0)
    assert.is(inUse(files.wgKey), before, 'WireGuard would still read the old one')
    const { current, retired } = keys.use(nextKey(prepared))
    assert.is(current.wgKey, prepared.next?.wgKey)
    assert.is(inUse(files.wgKey), current.wgKey)
    assert.is(retired[0]?.wgKey, before)
    for (const path of [files.wgKey, files.wgKeys]) assert.is(statSync(path).mode & 0o777, 0o600)
    const peer = generateWgPrivateKey()
    assert.equal(keys.sharedWith(current)(wgPublicKey(peer)), sharedSecretWith(peer)(current.wgKey))
  }))

test('what was cut off before the change is taken up with the same key', () =>
  device((files) => {
    const first = openKeyFiles(files, new FakeClock()).prepare(0).next?.wgKey
    // Draft of a write that the power cut ended.
    writeFileSync(`${files.wgKey}.new`, 'half a ke')
    const keys = openKeyFiles(files, new FakeClock())
    assert.is(keys.prepare(0).next?.wgKey, first)
    assert.is(keys.use(nextKey(keys.read())).current.wgKey, first)
    assert.is(inUse(files.wgKey), first)
  }))

test('a prepared key gives way where its serial is taken', () =>
  device((files) => {
    const keys = openKeyFiles(files, new FakeClock())
    keys.prepare(0)
    assert.is(keys.prepare(4).next?.serial, 5)
  }))

test('forgetting removes the secrets of former keys from the disk', () =>
  device((files) => {
    const former = readFileSync(files.wgKey, 'utf8').trim()
    const keys = openKeyFiles(files, new FakeClock())
    keys.use(nextKey(keys.prepare(0)))
    assert.ok(readFileSync(files.wgKeys, 'utf8').includes(former))
    assert.equal(keys.forget().retired, [])
    assert.not.ok(readFileSync(files.wgKeys, 'utf8').includes(former))
  }))

test('a device without a key says so', () =>
  device((files) => {
    rmSync(files.wgKey)
    assert.is(faultOf(() => openKeyFiles(files, new FakeClock()).read()).code, 'corrupt')
  }))

test.run()
