// Releases in the hub's data directory: what is laid there is whole, signed and bounded; what is not is as if it were not there.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { formatReleaseKey } from '../../shared/release/keys.ts'
import { encodeManifest, manifestName, signatureOf } from '../../shared/release/manifest.ts'
import { signManifest } from '../../shared/release/seal.ts'
import { layRelease, removeRelease, trustReleaseKeys } from './lay-release.ts'
import { openReleases } from './releases.ts'

const [mine, stranger] = [1, 2].map((byte) => signerFromSeed(new Uint8Array(32).fill(byte)))
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

interface Bench {
  readonly root: string
  /** A release as its publisher makes it. */
  readonly publish: (version: string, by?: typeof mine, note?: string) => string
  readonly lay: (from: string, keys?: string) => Promise<string>
  readonly list: () => readonly string[]
}

async function withRoot(run: (bench: Bench) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-releases-'))
  const root = join(directory, 'releases')
  const publish: Bench['publish'] = (version, by = mine, note = '') => {
    const from = join(directory, `${version}${note}`)
    mkdirSync(from)
    const files = ['linux-x64', 'linux-arm64'].map((target) => {
      const [name, text, packed] = [`holdfast-${target}`, `${version} ${target} ${note}`, `packed ${version} ${target}`]
      writeFileSync(join(from, name), text)
      writeFileSync(join(from, `${name}.gz`), packed)
      const gz = { name: `${name}.gz`, size: packed.length, sha256: hashOf(packed) }
      return { name, kind: 'agent', target, size: text.length, sha256: hashOf(text), gz }
    })
    const hub = { name: 'holdfast-hub', kind: 'hub', target: 'linux-x64', size: 3, sha256: hashOf('hub') }
    writeFileSync(join(from, hub.name), 'hub')
    const manifest = { version, commit: 'unknown', createdAt: '2026-01-01T00:00:00Z', files: [...files, hub] }
    assert.ok(by !== undefined)
    const { bytes, signature } = signManifest(encodeManifest(manifest), by)
    writeFileSync(join(from, manifestName), bytes)
    writeFileSync(signatureOf(join(from, manifestName)), signature)
    return from
  }
  const lay: Bench['lay'] = async (from, keys) => {
    try {
      const { isNew, manifest } = await layRelease(root, from, keys)
      return `${isNew ? 'new' : 'known'} ${manifest.version}`
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      return `${error.code}: ${error.message}`
    }
  }
  const list = () =>
    openReleases(root, { log: memoryLog(), verify })
      .list()
      .map(({ manifest }) => manifest.version)
  try {
    if (mine !== undefined) trustReleaseKeys(root, formatReleaseKey(mine.publicKey))
    await run({ root, publish, lay, list })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('the agents of a release are kept as devices fetch them, and are found by their digest', () =>
  withRoot(async ({ lay, list, publish, root }) => {
    const before = process.umask(0o077)
    assert.is(await lay(publish('1.0.0')), 'new 1.0.0')
    process.umask(before)
    assert.equal(readdirSync(join(root, '1.0.0')).sort(), [
      'holdfast-linux-arm64.gz',
      'holdfast-linux-x64.gz',
      'release.json',
      'release.json.sig',
    ])
    assert.equal(list(), ['1.0.0'])
    for (const path of ['.', '1.0.0']) assert.is(statSync(join(root, path)).mode & 0o777, 0o755)
    for (const name of ['holdfast-linux-x64.gz', manifestName, signatureOf(manifestName)])
      assert.is(statSync(join(root, '1.0.0', name)).mode & 0o777, 0o644)
    const releases = openReleases(root, { log: memoryLog(), verify })
    const found = releases.file(hashOf('packed 1.0.0 linux-x64'))
    assert.is(readFileSync(found?.path ?? '', 'utf8'), 'packed 1.0.0 linux-x64')
    assert.is(releases.file(hashOf('hub')), undefined)
    assert.is(releases.of('1.0.0')?.manifest.version, '1.0.0')
    assert.is(removeRelease(root, '1.0.0'), true)
    assert.equal(
      [releases.of('1.0.0'), removeRelease(root, '1.0.0'), removeRelease(root, '..')],
      [undefined, false, false],
    )
  }))

test('by a stranger, of a hub that trusts nobody, tampered, cut short, incomplete: refused, and nothing is left', () =>
  withRoot(async ({ lay, list, publish, root }) => {
    assert.match(await lay(publish('1.0.0', stranger)), /^bad-signature/)
    const tampered = publish('1.1.0')
    writeFileSync(join(tampered, 'holdfast-linux-arm64.gz'), 'packed 1.1.0 linux-Arm64')
    assert.match(await lay(tampered), /^untrusted: holdfast-linux-arm64\.gz is not the file/)
    const cut = publish('1.2.0')
    writeFileSync(join(cut, 'holdfast-linux-x64.gz'), 'packed')
    assert.match(await lay(cut), /^untrusted/)
    const less = publish('1.3.0')
    rmSync(join(less, 'holdfast-linux-x64'))
    assert.is(await lay(less), 'new 1.3.0')
    const incomplete = publish('1.4.0')
    rmSync(join(incomplete, 'holdfast-linux-x64.gz'))
    assert.match(await lay(incomplete), /^not-found: .*has no holdfast-linux-x64\.gz/)
    assert.equal([list(), existsSync(join(root, '.draft'))], [['1.3.0'], false])
    rmSync(join(root, 'keys.pem'))
    assert.match(await lay(publish('1.5.0')), /^untrusted: this hub trusts no release key/)
    assert.equal(list(), [])
  }))

test('one version is one build; more releases than are kept are refused', () =>
  withRoot(async ({ lay, publish }) => {
    const first = publish('1.0.0')
    await lay(first)
    assert.is(await lay(first), 'known 1.0.0')
    assert.match(await lay(publish('1.0.0', mine, 'other')), /^conflict: another release 1\.0\.0/)
    for (let at = 1; at < 8; at++) assert.is(await lay(publish(`1.0.${at}`)), `new 1.0.${at}`)
    assert.match(await lay(publish('2.0.0')), /^exhausted/)
  }))

test('what lies there and is not signed is as if it were not there', () =>
  withRoot(async ({ lay, list, publish, root }) => {
    await lay(publish('1.0.0'))
    const path = join(root, '1.0.0', manifestName)
    writeFileSync(path, readFileSync(path, 'utf8').replace('linux-x64', 'linux-x86'))
    assert.equal(list(), [])
  }))

test.run()
