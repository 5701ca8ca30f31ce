// Who vouches for a file: with release keys on the device nobody but they, without them whoever has root.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex, utf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed } from '../../shared/host/crypto.ts'
import { formatReleaseKey } from '../../shared/release/keys.ts'
import { encodeManifest, manifestName, type NewManifest, signatureOf } from '../../shared/release/manifest.ts'
import { signManifest } from '../../shared/release/seal.ts'
import type { Cli } from './context.ts'
import { findRelease } from './release-proof.ts'

const signer = signerFromSeed(new Uint8Array(32).fill(1))
const stranger = signerFromSeed(new Uint8Array(32).fill(2))
const hex = (text: string): string => toHex(sha256(utf8(text)))
const entry = (name: string, kind: string, target: string) => ({
  name,
  kind,
  target,
  size: name.length,
  sha256: hex(name),
  gz: { name: `${name}.gz`, size: 1, sha256: hex(`${name}.gz`) },
})
const release: NewManifest = {
  version: '2.0.0',
  commit: 'unknown',
  createdAt: '2026-01-01T00:00:00Z',
  files: [
    entry('holdfast-linux-x64', 'agent', 'linux-x64'),
    entry('holdfast-linux-arm64', 'agent', 'linux-arm64'),
    entry('holdfast-hub-linux-x64', 'hub', 'linux-x64'),
  ],
}

interface Bench {
  readonly directory: string
  readonly cli: (flags?: Readonly<Record<string, string | boolean>>) => Cli
  readonly notes: string[]
  readonly put: (name: string, content: string | Uint8Array) => string
}

function withRelease(run: (bench: Bench) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'hf-proof-'))
  const notes: string[] = []
  const put = (name: string, content: string | Uint8Array): string => {
    const path = join(directory, name)
    writeFileSync(path, content)
    return path
  }
  for (const { name, gz } of release.files) for (const one of [name, gz?.name ?? '']) put(one, one)
  const { bytes, signature } = signManifest(encodeManifest(release), signer)
  put(manifestName, bytes)
  put(signatureOf(manifestName), signature)
  mkdirSync(join(directory, 'etc'))
  put('etc/keys.pem', formatReleaseKey(signer.publicKey))
  const settings = { releaseKeys: join(directory, 'etc/keys.pem') }
  const cli = (flags = {}): Cli =>
    ({ flags, settings, note: (text: string) => void notes.push(text) }) as unknown as Cli
  try {
    run({ directory, cli, notes, put })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    assert.ok(error.remedy !== undefined, error.message)
    return `${error.code}: ${error.message}`
  }
  return 'taken'
}

test('a release directory: the file for this device is taken, packed where it is there', () =>
  withRelease(({ cli, directory, notes }) => {
    const found = findRelease(cli(), directory, 'linux-arm64')
    assert.is(found.file, join(directory, 'holdfast-linux-arm64.gz'))
    assert.match(notes.join(), 'release 2.0.0 is signed by a key of')
    rmSync(found.file)
    assert.is(findRelease(cli(), directory, 'linux-arm64').file, join(directory, 'holdfast-linux-arm64'))
    rmSync(join(directory, 'holdfast-linux-arm64'))
    assert.match(
      refusal(() => findRelease(cli(), directory, 'linux-arm64')),
      /not-found: .*has no holdfast-linux-arm64/,
    )
    assert.match(
      refusal(() => findRelease(cli(), directory, 'linux-riscv64')),
      /has no agent for linux-riscv64/,
    )
  }))

test('a file is held to the manifest beside it, or to the one that is named', () =>
  withRelease(({ cli, directory }) => {
    const file = join(directory, 'holdfast-linux-x64')
    const named = { manifest: join(directory, manifestName) }
    for (const { proof } of [
      findRelease(cli(), file, 'linux-x64'),
      findRelease(cli(named), '/elsewhere/x', 'linux-x64'),
    ]) {
      assert.ok(proof !== undefined)
      assert.is(
        refusal(() => proof.checkFile(hex('holdfast-linux-x64'))),
        'taken',
      )
      assert.is(
        refusal(() => proof.checkFile(hex('holdfast-linux-x64.gz'))),
        'taken',
      )
      assert.match(
        refusal(() => proof.checkFile(hex('other'))),
        /^untrusted: .*is not one of release 2\.0\.0/,
      )
      assert.match(
        refusal(() => proof.checkFile(hex('holdfast-linux-arm64'))),
        /^unsupported: .*for linux-arm64/,
      )
      assert.match(
        refusal(() => proof.checkFile(hex('holdfast-hub-linux-x64'))),
        /^unsupported: .*is the hub/,
      )
      assert.is(
        refusal(() => proof.checkVersion('2.0.0')),
        'taken',
      )
      assert.match(
        refusal(() => proof.checkVersion('1.9.0')),
        /^untrusted: the file calls itself 1\.9\.0/,
      )
    }
  }))

test('a manifest that was changed, of a stranger, without its signature, or missing: nothing is taken', () =>
  withRelease(({ cli, directory, put }) => {
    const file = join(directory, 'holdfast-linux-x64')
    const named = { manifest: join(directory, manifestName) }
    put(manifestName, encodeManifest({ ...release, version: '3.0.0' }))
    assert.match(
      refusal(() => findRelease(cli(), file, 'linux-x64')),
      /^bad-signature/,
    )
    const foreign = signManifest(encodeManifest(release), stranger)
    put(manifestName, foreign.bytes)
    put(signatureOf(manifestName), foreign.signature)
    assert.match(
      refusal(() => findRelease(cli(), directory, 'linux-x64')),
      /^bad-signature/,
    )
    rmSync(join(directory, signatureOf(manifestName)))
    assert.match(
      refusal(() => findRelease(cli(), file, 'linux-x64')),
      /^untrusted: there is no .*release\.json\.sig/,
    )
    rmSync(join(directory, manifestName))
    assert.match(
      refusal(() => findRelease(cli(), file, 'linux-x64')),
      /^untrusted: there is no .*release\.json to/,
    )
    assert.match(
      refusal(() => findRelease(cli(named), file, 'linux-x64')),
      /^untrusted/,
    )
  }))

test('somebody insists, and it is said; without keys it is as ever', () =>
  withRelease(({ cli, directory, notes }) => {
    const file = join(directory, 'holdfast-linux-x64')
    assert.equal(findRelease(cli({ unsigned: true }), file, 'linux-x64'), { file, proof: undefined })
    assert.match(notes.join(), 'no release key vouches for this file: you do')
    rmSync(join(directory, 'etc/keys.pem'))
    assert.equal(findRelease(cli(), file, 'linux-x64'), { file, proof: undefined })
    const whole = findRelease(cli(), directory, 'linux-x64')
    assert.is(whole.file, `${file}.gz`)
    assert.match(
      refusal(() => whole.proof?.checkFile(hex('other'))),
      /^untrusted/,
    )
  }))

test('keys that are none, and a manifest beyond all bounds, are no reason to go on without', () =>
  withRelease(({ cli, directory, put }) => {
    const file = join(directory, 'holdfast-linux-x64')
    put(manifestName, new Uint8Array(1 << 20))
    assert.match(
      refusal(() => findRelease(cli(), file, 'linux-x64')),
      /^too-large/,
    )
    put('etc/keys.pem', 'none\n')
    assert.match(
      refusal(() => findRelease(cli(), file, 'linux-x64')),
      /^invalid: there is no release key/,
    )
  }))

test.run()
