// The manifest of a release and its signature: what is taken, and all that is not.

import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, utf8 } from '../bytes.ts'
import { attempt, faultOf, hostileBytes, hostileText, refusesPolitely } from '../fuzz.fake.ts'
import { signerFromSeed, verify } from '../host/crypto.ts'
import { encodeCanonical } from '../record/canonical.ts'
import { formatReleaseKey, parseReleaseKeys } from './keys.ts'
import {
  encodeManifest,
  fileOfDigest,
  manifestName,
  type NewManifest,
  parseManifest,
  programIn,
  signatureOf,
} from './manifest.ts'
import { signManifest, verifyManifest } from './seal.ts'

const signerOf = (byte: number) => signerFromSeed(new Uint8Array(32).fill(byte))
const [mine, next, foreign] = [signerOf(1), signerOf(2), signerOf(3)]
const keys = [mine.publicKey, next.publicKey]
const hex = (digit: string): string => digit.repeat(64)

const release: NewManifest = {
  version: '1.2.3+abc',
  commit: '0123456789012345678901234567890123456789',
  createdAt: '2026-11-22T10:00:00Z',
  files: [
    {
      name: 'holdfast-linux-x64',
      kind: 'agent',
      target: 'linux-x64',
      size: 100_000_000,
      sha256: hex('a'),
      gz: { name: 'holdfast-linux-x64.gz', size: 40_000_000, sha256: hex('b') },
      glibc: '2.28',
    },
    { name: 'holdfast-hub-linux-x64', kind: 'hub', target: 'linux-x64', size: 1, sha256: hex('c') },
  ],
}
const bytes = encodeManifest(release)
const signed = signManifest(bytes, mine)
const whole = { ...release, program: 'holdfast', format: 1 }

/** Signed by the right key, whatever it says. */
function forged(change: object): { bytes: Uint8Array; signature: Uint8Array } {
  const written = encodeCanonical({ ...whole, ...change })
  return { bytes: written, signature: mine.sign(written) }
}

test('a manifest that a trusted key has signed is read as it was written, in canonical bytes', () => {
  assert.equal(verifyManifest(signed, keys, verify), whole)
  assert.equal(encodeCanonical(parseManifest(bytes)), bytes)
  assert.equal(verifyManifest(signManifest(bytes, next), keys, verify), whole)
})

test('a changed byte, another key, a cut signature, no key: refused before anything is read', () => {
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ flip : byte))
      assert.is(faultOf(() => verifyManifest({ ...signed, bytes: changed }, keys, verify)).code, 'bad-signature')
    }),
  )
  const refused = [
    faultOf(() => verifyManifest(signManifest(bytes, foreign), keys, verify)),
    faultOf(() => verifyManifest({ ...signed, signature: signed.signature.subarray(0, 63) }, keys, verify)),
    faultOf(() => verifyManifest({ bytes: utf8('noise'), signature: signed.signature }, keys, verify)),
    faultOf(() => verifyManifest(signed, [], verify)),
  ]
  assert.equal(new Set(refused.map(({ code }) => code)), new Set(['bad-signature']))
})

const [agent, hub] = release.files
for (const [what, change, why] of [
  ['another program', { program: 'kelp' }, /program/],
  ['a format as text', { format: '1' }, /format/],
  ['no version', { version: undefined }, /version/],
  ['a version that is a path', { version: '../../etc' }, /version/],
  ['no files', { files: [] }, /files/],
  ['a name that leaves the directory', { files: [{ ...agent, name: '../x' }] }, /files\[0\]\.name.*plain file name/],
  ['a digest in capitals', { files: [{ ...agent, sha256: hex('A') }] }, /files\[0\]\.sha256/],
  ['a size beyond any build', { files: [{ ...agent, size: 1e12 }] }, /files\[0\]\.size/],
  ['an empty file', { files: [{ ...agent, size: 0 }] }, /files\[0\]\.size/],
  [
    'a file behind gzip without digest',
    { files: [{ ...agent, gz: { name: 'x', size: 1 } }] },
    /files\[0\]\.gz\.sha256/,
  ],
  ['one name twice', { files: [agent, { ...hub, name: 'holdfast-linux-x64.gz' }] }, /names a file twice/],
  ['two agents for one target', { files: [agent, { ...hub, kind: 'agent' }] }, /two programs/],
  ['more files than any release has', { files: Array.from({ length: 65 }, () => hub) }, /files/],
] as const) {
  test(`signed all the same, refused: ${what}`, () => {
    const fault = faultOf(() => verifyManifest(forged(change), keys, verify))
    assert.is(fault.code, 'invalid')
    assert.match(`${fault.field} ${fault.message}`, why)
  })
}

test('a format of a later age says so, and what is huge is not even hashed', () => {
  assert.is(faultOf(() => verifyManifest(forged({ format: 2 }), keys, verify)).code, 'unsupported')
  const huge = forged({ note: 'x'.repeat(40_000) })
  const never = (): boolean => {
    throw new Error('a signature over it was looked at')
  }
  assert.is(faultOf(() => verifyManifest(huge, keys, never)).code, 'too-large')
})

test('fields, kinds and targets of a later age are passed over', () => {
  const file = { ...hub, name: 'holdfast.deb', kind: 'deb', target: 'any', arch: 'riscv64' }
  const read = verifyManifest(forged({ files: [agent, file], supportUntil: 2030 }), keys, verify)
  assert.is(programIn(read, 'agent', 'linux-x64')?.name, 'holdfast-linux-x64')
  assert.is('supportUntil' in read, false)
})

test('a file is found by what it is and by both of its digests', () => {
  const read = parseManifest(bytes)
  assert.is(programIn(read, 'agent', 'linux-arm64'), undefined)
  assert.is(fileOfDigest(read, hex('b'))?.kind, 'agent')
  assert.is(fileOfDigest(read, hex('c'))?.kind, 'hub')
  assert.is(fileOfDigest(read, hex('d')), undefined)
})

test('what is not canonical is no manifest, and none is signed by mistake', () => {
  const pretty = utf8(JSON.stringify(whole, undefined, 2))
  assert.is(faultOf(() => parseManifest(pretty)).code, 'invalid')
  assert.is(faultOf(() => signManifest(pretty, mine)).code, 'invalid')
  assert.is(faultOf(() => encodeManifest({ ...release, commit: 'HEAD' })).field, 'commit')
})

test('noise is refused politely', () => {
  refusesPolitely(hostileBytes(bytes), parseManifest)
  refusesPolitely(hostileText(formatReleaseKey(mine.publicKey)), parseReleaseKeys)
})

test('keys are read as openssl writes them, several from one file with words between', () => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  const [raw] = parseReleaseKeys(pem)
  assert.is(formatReleaseKey(raw ?? new Uint8Array()), pem)
  const both = `# ours\n${formatReleaseKey(mine.publicKey)}\n# the next\n${formatReleaseKey(next.publicKey)}`
  assert.equal(parseReleaseKeys(both), keys)
})

test('keys of another algorithm, private ones, damaged and none are refused', () => {
  const ed25519 = generateKeyPairSync('ed25519')
  const { publicKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 1_024 })
  const { publicKey: x25519 } = generateKeyPairSync('x25519')
  const pem = formatReleaseKey(mine.publicKey)
  for (const [text, why] of [
    [rsa.export({ type: 'spki', format: 'pem' }) as string, /another algorithm/],
    [x25519.export({ type: 'spki', format: 'pem' }) as string, /another algorithm/],
    [ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, /private key/],
    [`${pem}${pem.slice(0, 60)}`, /damaged/],
    ['# none yet\n', /no release key/],
    [pem.repeat(9), /more than 8/],
  ] as const) {
    const fault = attempt(() => parseReleaseKeys(text))
    assert.instance(fault, Error)
    assert.match((fault as Error).message, why)
  }
})

test('openssl agrees, where it is there', () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-release-'))
  const at = (name: string): string => join(directory, name)
  try {
    writeFileSync(at(manifestName), signed.bytes)
    writeFileSync(at(signatureOf(manifestName)), signed.signature)
    writeFileSync(at('release-key.pem'), formatReleaseKey(mine.publicKey))
    const key = ['-pubin', '-inkey', at('release-key.pem'), '-rawin']
    const said = execFileSync(
      'openssl',
      ['pkeyutl', '-verify', ...key, '-in', at(manifestName), '-sigfile', at(signatureOf(manifestName))],
      { encoding: 'utf8' },
    )
    assert.match(said, /Signature Verified Successfully/)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('the manifest is text that people can read', () => {
  assert.match(fromUtf8(bytes), /^\{"commit":"0123.*"program":"holdfast","version":"1\.2\.3\+abc"\}$/)
})

test.run()
