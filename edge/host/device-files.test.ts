// The device key's files on a real disk: for their owner alone, and whole whatever happens in between.

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64, toBase64, utf8 } from '../../shared/bytes.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { generateSigningSeed, sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { parseDeviceKey, parseNodeId } from '../../shared/ids.ts'
import { followDevice, nodeIdOf, readDeviceLink } from '../../shared/record/device-link.ts'
import { ensureKeys, loadKeys } from '../enrol/device-keys.ts'
import { linksTo } from '../keys/device-ring.ts'
import { testNetwork } from '../link/hub.fake.ts'
import { openDeviceFiles } from './device-files.ts'
import { stateFiles } from './files.ts'

function device(
  run: (open: () => ReturnType<typeof openDeviceFiles>, files: ReturnType<typeof stateFiles>) => void,
): void {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-device-'))
  const files = stateFiles(directory)
  const seed = generateSigningSeed()
  writeFileSync(files.deviceKey, `${toBase64(seed)}\n`, { mode: 0o600 })
  const key = parseDeviceKey(toBase64(signerFromSeed(seed).publicKey))
  const of = { network: testNetwork, node: parseNodeId(nodeIdOf(key, sha256)) }
  try {
    run(() => openDeviceFiles(files, new FakeClock(), of), files)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('the signer signs with the key in use from the change on, and the former one is still there to sign with', () =>
  device((open, files) => {
    const keys = open()
    const before = keys.read().current
    const node = parseNodeId(nodeIdOf(before.key, sha256))
    const [message, { signer }] = [utf8('whatever'), keys]
    keys.prepare(0)
    assert.ok(verify(fromBase64(before.key), message, signer.sign(message)), 'prepared, and not in use')
    const after = keys.useNext()
    assert.is(toBase64(signer.publicKey), after.current.key)
    assert.ok(verify(fromBase64(after.current.key), message, signer.sign(message)))
    assert.is(toBase64(keys.signerOf(before.key)?.publicKey ?? new Uint8Array()), before.key)
    const links = linksTo(after).map((link) => readDeviceLink(fromBase64(link)))
    const scope = { network: testNetwork, node, verify }
    assert.equal(followDevice({ key: before.key, serial: 0 }, links, scope), { key: after.current.key, serial: 1 })
    for (const path of [files.deviceKey, files.deviceKeys]) assert.is(statSync(path).mode & 0o777, 0o600)
  }))

test('what was cut off before the change is taken up with the same key', () =>
  device((open, files) => {
    const prepared = open().prepare(0).next?.key
    writeFileSync(`${files.deviceKey}.new`, 'half a ke')
    const keys = open()
    assert.is(keys.read().next?.key, prepared)
    assert.is(keys.prepare(0).next?.key, prepared)
    assert.is(keys.useNext().current.key, prepared)
    assert.is(open().read().current.key, prepared)
  }))

test('a serial that the record already has is passed over', () =>
  device((open) => {
    const keys = open()
    keys.prepare(0)
    assert.is(keys.prepare(4).next?.serial, 5)
  }))

test('erasing removes the former secret from disk and memory, and keeps the id', () =>
  device((open, files) => {
    const former = readFileSync(files.deviceKey, 'utf8').trim()
    writeFileSync(files.wgKey, `${toBase64(new Uint8Array(32).fill(9))}\n`)
    const keys = open()
    const id = loadKeys(files)?.nodeId
    const { key } = keys.read().current
    keys.prepare(0)
    keys.useNext()
    assert.ok(readFileSync(files.deviceKeys, 'utf8').includes(former))
    keys.eraseFormer()
    assert.not.ok(readFileSync(files.deviceKeys, 'utf8').includes(former))
    assert.is(keys.signerOf(key), undefined)
    const loaded = loadKeys(files)
    assert.is(loaded?.nodeId, id)
    assert.is(loaded?.links.length, 1)
    assert.ok(loaded?.deviceKeys.includes(key))
  }))

test('who joins anew is known by the key that he has then', () =>
  device((open, files) => {
    const keys = open()
    keys.prepare(0)
    const { key } = keys.useNext().current
    const joined = ensureKeys(files)
    assert.is(joined.nodeId, nodeIdOf(key, sha256))
    assert.equal(joined.links, [])
    assert.not.ok(existsSync(files.deviceKeys))
  }))

test('a device without a key says so', () =>
  device((open, files) => {
    rmSync(files.deviceKey)
    assert.is(faultOf(open).code, 'corrupt')
  }))

test.run()
