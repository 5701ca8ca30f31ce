// Parts on the disk: laid once, made anew where they were changed, in the first place that will do.

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
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
import { toHex } from '../bytes.ts'
import { isHoldfastError } from '../errors.ts'
import type { Part } from './carried.ts'
import { sha256 } from './crypto.ts'
import { layPart } from './lay-part.ts'
import { partPath, partPlaces } from './parts.ts'

const content = new Uint8Array(200_000).map((_, i) => i % 251)
const partOf = (name: string, bytes: Uint8Array): Part => ({ name, sha256: toHex(sha256(bytes)), content: bytes })
const [part, other] = [partOf('engine', content), partOf('wheel', content.subarray(0, 10))]
const current = new Set([part.sha256, other.sha256])

function inDirectory(run: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'hf-parts-'))
  try {
    run(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

test('a part is laid whole and executable, and is not written again', () => {
  inDirectory((directory) => {
    const before = process.umask(0o077)
    const path = layPart(part, [join(directory, 'not/there/yet')], current)
    process.umask(before)
    assert.is(path, join(directory, 'not/there/yet/parts', part.sha256, 'engine'))
    assert.equal(new Uint8Array(readFileSync(path)), content)
    const { ino, mode } = statSync(path)
    assert.is(mode & 0o777, 0o755)
    assert.is(statSync(join(path, '../..')).mode & 0o777, 0o755)
    assert.is(layPart(part, [join(directory, 'not/there/yet')], current), path)
    assert.is(statSync(path).ino, ino)
    assert.equal(readdirSync(join(path, '..')), ['engine'], 'no draft is left')
  })
})

test('whatever else lies at its place is replaced: a changed, cut or grown file, a link', () => {
  inDirectory((directory) => {
    const path = layPart(part, [directory], current)
    const changed = new Uint8Array(content)
    changed[150_000] = (changed[150_000] ?? 0) ^ 1
    const elsewhere = join(directory, 'elsewhere')
    writeFileSync(elsewhere, content)
    const spoil: readonly (() => void)[] = [
      () => writeFileSync(path, changed),
      () => writeFileSync(path, content.subarray(0, 65_536)),
      () => writeFileSync(path, Buffer.concat([content, Buffer.from('x')])),
      () => writeFileSync(path, ''),
      () => {
        rmSync(path)
        symlinkSync(elsewhere, path)
      },
    ]
    for (const how of spoil) {
      how()
      assert.is(layPart(part, [directory], current), path)
      assert.equal(new Uint8Array(readFileSync(path)), content)
      assert.ok(statSync(path).isFile())
    }
    assert.equal(new Uint8Array(readFileSync(elsewhere)), content, 'what a link led to is left alone')
  })
})

test('parts of other builds go when one of this is laid, its own stay', () => {
  inDirectory((directory) => {
    layPart(other, [directory], current)
    mkdirSync(join(directory, 'parts', 'c'.repeat(64)))
    layPart(part, [directory], current)
    assert.equal(readdirSync(join(directory, 'parts')), [part.sha256, other.sha256].sort())
  })
})

test('the first place that can be written to is taken; where there is none it says what it tried', () => {
  inDirectory((directory) => {
    const [file, good] = [join(directory, 'file'), join(directory, 'good')]
    writeFileSync(file, '')
    assert.is(layPart(part, [file, good], current), join(good, 'parts', part.sha256, 'engine'))
    try {
      layPart(part, [file, join(file, 'below')], current)
      assert.unreachable()
    } catch (error) {
      assert.ok(isHoldfastError(error, 'unsupported'))
      assert.match((error as { remedy?: string }).remedy ?? '', `${file}, ${file}/below`)
    }
  })
})

test('one that was laid and made unfit to run is not taken', () => {
  inDirectory((directory) => {
    const path = layPart(part, [directory], current)
    chmodSync(path, 0o644)
    const good = join(directory, 'good')
    assert.is(layPart(part, [directory, good], current), join(good, 'parts', part.sha256, 'engine'))
  })
})

test('places: the slot first, then what the supervisor gives; never beside a program of the system', () => {
  const slot = '/opt/holdfast/versions/a'
  const given = { STATE_DIRECTORY: '/srv/state:/srv/more', XDG_CACHE_HOME: '/srv/cache' }
  assert.equal(partPlaces(slot, given, false), [slot, '/srv/state', '/srv/cache/holdfast'])
  assert.is(partPlaces('/usr/bin', given, true)[0], '/srv/state')
  const bare = partPlaces('/usr/bin', {}, true)
  assert.not(bare.includes('/usr/bin'))
  assert.is(bare.at(-1), '/run/holdfast')
})

test('what is no single file carries nothing', () => {
  assert.is(partPath('wireguard-go'), undefined)
})

test.run()
