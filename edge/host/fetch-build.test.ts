// A build on its way from the hub: cut off, gone on with, tampered with, in the way of another; no byte is fetched twice.

import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { type FetchOptions, fetchBuild } from './fetch-build.ts'

const content = randomBytes(300_000)
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const file = { size: content.length, sha256: hashOf(content) }

interface Bench {
  readonly directory: string
  /** From where each try went on. */
  readonly asked: number[]
  /** The path, or the reason why not. */
  readonly fetch: (serve: Serve, more?: Partial<FetchOptions>) => Promise<string>
}

/** What the hub has, and after how many bytes of a try the link is lost. */
interface Serve {
  readonly bytes?: Uint8Array
  readonly cutAfter?: number
  /** It knows nothing of ranges. */
  readonly whole?: boolean
}

async function* partsOf(bytes: Uint8Array, cutAfter: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < Math.min(bytes.length, cutAfter); at += 16_384)
    yield Buffer.from(bytes.subarray(at, Math.min(at + 16_384, cutAfter)))
  if (cutAfter < bytes.length) throw new HoldfastError('unreachable', 'the download was cut off')
}

async function withPlace(run: (bench: Bench) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-fetch-'))
  const asked: number[] = []
  const fetch: Bench['fetch'] = async ({ bytes = content, cutAfter = bytes.length, whole = false }, more = {}) => {
    const download: FetchOptions['download'] = async ({ from }) => {
      asked.push(from)
      const start = whole ? 0 : from
      return { from: start, parts: partsOf(bytes.subarray(start), cutAfter) }
    }
    try {
      return await fetchBuild({ directory, file, download, freeBytes: () => undefined, ...more })
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      return `${error.code}: ${error.message}`
    }
  }
  try {
    await run({ directory, asked, fetch })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('what is whole arrives whole; asked again, nothing is fetched', () =>
  withPlace(async ({ asked, fetch }) => {
    const path = await fetch({})
    assert.ok(readFileSync(path).equals(content))
    assert.is(await fetch({}), path)
    assert.equal(asked, [0])
  }))

test('cut off twice, it goes on where it was', () =>
  withPlace(async ({ asked, fetch }) => {
    assert.match(await fetch({ cutAfter: 100_000 }), /^unreachable/)
    assert.match(await fetch({ cutAfter: 50_000 }), /^unreachable/)
    assert.ok(readFileSync(await fetch({})).equals(content))
    assert.equal(asked, [0, 100_000, 150_000])
  }))

test('a hub that begins anew is taken at its word', () =>
  withPlace(async ({ fetch }) => {
    await fetch({ cutAfter: 100_000 })
    assert.ok(readFileSync(await fetch({ whole: true })).equals(content))
  }))

test('another file is refused, and nothing of it stays', () =>
  withPlace(async ({ directory, fetch }) => {
    const other = Uint8Array.from(content, (byte, at) => (at === 1_000 ? byte ^ 1 : byte))
    assert.match(await fetch({ bytes: other }), /^corrupt: the hub has another file/)
    assert.equal(readdirSync(directory), [])
    assert.match(await fetch({ bytes: Buffer.concat([content, content]) }), /^corrupt: the hub sends more/)
  }))

test('what an earlier try left and does not fit is thrown away once, before anybody is blamed', () =>
  withPlace(async ({ asked, directory, fetch }) => {
    writeFileSync(join(directory, `fetched-${file.sha256}`), randomBytes(1_000))
    assert.match(await fetch({}), /^unreachable: .*fetched anew/)
    assert.ok(readFileSync(await fetch({})).equals(content))
    assert.equal(asked, [1_000, 0])
    writeFileSync(join(directory, `fetched-${file.sha256}`), Buffer.concat([content, content]))
    assert.ok(readFileSync(await fetch({})).equals(content))
  }))

test('a file that comes short is not taken for cut off for good', () =>
  withPlace(async ({ asked, fetch }) => {
    assert.match(await fetch({ bytes: content.subarray(0, 200_000) }), /^unreachable: the download was cut off/)
    assert.ok(readFileSync(await fetch({})).equals(content))
    assert.equal(asked, [0, 200_000])
  }))

test('no space is said before a byte is fetched; what was fetched of another build makes room', () =>
  withPlace(async ({ asked, directory, fetch }) => {
    const other = join(directory, `fetched-${'0'.repeat(64)}`)
    writeFileSync(other, 'of another build')
    assert.match(
      await fetch({}, { freeBytes: () => 1 << 20 }),
      /^failed: there is no space in .*: 17 MiB are needed, 1/,
    )
    assert.equal([asked, existsSync(other)], [[], false])
  }))

test.run()
