// Builds on their way to devices: from where they were cut off, a bounded number at a time, to nobody who takes nothing.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import { formatDownloadProof } from '../../shared/wire/download.ts'
import { errorOf, setup } from './api-world.fake.ts'
import { createDownloads } from './downloads.ts'

const BYTES = 1_000_000
const SHA = 'a'.repeat(64)
const content = Buffer.from(Uint8Array.from({ length: BYTES }, (_, at) => at % 251))
const proof = formatDownloadProof({
  nodeId: parseNodeId('abcdefgh2345abcd'),
  challenge: toBase64(new Uint8Array(56)),
  proof: toBase64(new Uint8Array(64)),
})

async function withFile(run: (path: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-down-'))
  const path = join(directory, 'build')
  writeFileSync(path, content)
  try {
    await run(path)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function nodeOf(at: number): NodeId {
  return parseNodeId(`abcdefgh2345abc${String.fromCharCode(97 + at)}`)
}

test('the whole file, or what is missing of it', () =>
  withFile(async (path) => {
    const { call, hub } = setup()
    hub.releaseFile = () => ({ path, size: BYTES })
    const get = (headers: Record<string, string> = {}) =>
      call('GET', `/api/v1/releases/${SHA}`, undefined, undefined, { authorization: proof, ...headers })
    const whole = await get()
    assert.equal([whole.status, whole.headers.get('content-length')], [200, String(BYTES)])
    assert.ok(Buffer.from(await whole.arrayBuffer()).equals(content))
    const rest = await get({ range: 'bytes=600000-' })
    assert.equal([rest.status, rest.headers.get('content-range')], [206, `bytes 600000-999999/${BYTES}`])
    assert.ok(Buffer.from(await rest.arrayBuffer()).equals(content.subarray(600_000)))
    const beyond = await errorOf(get({ range: `bytes=${BYTES}-` }))
    assert.equal([beyond.status, beyond.field], [400, 'range'])
    // What is not understood of a range counts for nothing (RFC 9110 §14.2).
    assert.is((await get({ range: 'bytes=0-1,5-6' })).status, 200)
  }))

test('nobody without a proof, whatever stands in its place', async () => {
  const { call, words } = setup()
  const path = `/api/v1/releases/${SHA}`
  for (const authorization of ['', `Bearer ${words.admin}`, 'Device x', `Device ${'a'.repeat(20_000)}`, `${proof}=`]) {
    const headers: Record<string, string> = authorization === '' ? {} : { authorization }
    const error = await errorOf(call('GET', path, undefined, undefined, headers))
    assert.equal([error.status, error.code], [401, 'unauthenticated'], authorization.slice(0, 20))
  }
  assert.is((await errorOf(call('GET', path, undefined, undefined, { authorization: proof }))).status, 403)
})

test('so many at a time and no more; one that begins again takes its own place', () =>
  withFile(async (path) => {
    const downloads = createDownloads(new FakeClock())
    const open = Array.from({ length: 16 }, (_, at) => downloads.open(nodeOf(at), path, 0))
    assert.is(faultOf(() => downloads.open(nodeOf(16), path, 0)).code, 'rate-limited')
    const again = downloads.open(nodeOf(3), path, 900_000)
    assert.is((await new Response(again).arrayBuffer()).byteLength, 100_000)
    // What is read to its end makes room for another.
    await new Response(downloads.open(nodeOf(16), path, 0)).arrayBuffer()
    await Promise.all(open.map((one) => one.cancel().catch(() => undefined)))
  }))

test('who takes nothing for a minute loses the place', () =>
  withFile(async (path) => {
    const clock = new FakeClock()
    const downloads = createDownloads(clock)
    const stalled = Array.from({ length: 16 }, (_, at) => downloads.open(nodeOf(at), path, 0))
    await clock.advanceAsync(125_000)
    await new Response(downloads.open(nodeOf(16), path, 0)).arrayBuffer()
    for (const one of stalled) await one.cancel().catch(() => undefined)
  }))

test.run()
