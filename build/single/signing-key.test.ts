// The key of releases: made once, for its owner's eyes, and refused where it would not stay secret.

import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { verify } from '../../shared/host/crypto.ts'
import { parseReleaseKeys } from '../../shared/release/keys.ts'
import { openSigningKey } from './signing-key.ts'

function inDirectory(run: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'hf-key-'))
  try {
    run(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function codeOf(path: string): string {
  try {
    openSigningKey(path)
    return 'taken'
  } catch (error) {
    return isHoldfastError(error) ? error.code : 'no word of ours'
  }
}

test('a key is made where there is none, for its owner alone, and is the same from then on', () => {
  inDirectory((directory) => {
    const path = join(directory, 'below/key.pem')
    const made = openSigningKey(path)
    assert.ok(made.isNew)
    assert.is(statSync(path).mode & 0o777, 0o600)
    const again = openSigningKey(path)
    assert.not(again.isNew)
    assert.equal(again.signer.publicKey, made.signer.publicKey)
    assert.ok(verify(made.signer.publicKey, utf8('words'), again.signer.sign(utf8('words'))))
  })
})

test('its public half is what devices read', () => {
  inDirectory((directory) => {
    const { publicPem, signer } = openSigningKey(join(directory, 'key.pem'))
    assert.equal(parseReleaseKeys(publicPem), [signer.publicKey])
  })
})

test('a key that others may read, one of another kind, none at all, and one in the checkout are refused', () => {
  inDirectory((directory) => {
    const path = join(directory, 'key.pem')
    openSigningKey(path)
    chmodSync(path, 0o640)
    assert.is(codeOf(path), 'forbidden')
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const other = join(directory, 'other.pem')
    writeFileSync(other, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
    assert.is(codeOf(other), 'invalid')
    const words = join(directory, 'words.pem')
    writeFileSync(words, 'no key', { mode: 0o600 })
    assert.is(codeOf(words), 'invalid')
    assert.is(readFileSync(words, 'utf8'), 'no key', 'and it is left as it was')
    assert.is(codeOf(resolve(import.meta.dirname, '../../key.pem')), 'usage')
  })
})

test.run()
