// Lock keys on a real token made of software (SoftHSM), by way of the real `pkcs11-tool`.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { verify } from '../../shared/host/crypto.ts'
import { parseTokenKey } from './pkcs11-uri.ts'
import { openTokenKey } from './token-key.ts'

const MODULE = '/usr/lib/softhsm/libsofthsm2.so'
const PIN = '271828'

const directory = mkdtempSync(join(tmpdir(), 'hf-token-'))
const env = { PATH: process.env['PATH'], SOFTHSM2_CONF: join(directory, 'softhsm2.conf') }
const withPin = { ...env, HOLDFAST_PKCS11_PIN: PIN }
const uri = (path: string, query = ''): ReturnType<typeof parseTokenKey> =>
  parseTokenKey(`pkcs11:token=ops;${path}?module-path=${MODULE}${query}`)

function isThere(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((place) => existsSync(join(place, program)))
}

function makeKey(type: string, label: string, id: string): void {
  const words = ['--module', MODULE, '--token-label', 'ops', '--login', '--pin', PIN, '--keypairgen']
  execFileSync('pkcs11-tool', [...words, '--key-type', type, '--label', label, '--id', id], { env, stdio: 'pipe' })
}

function defineAll(): void {
  test.before(() => {
    mkdirSync(join(directory, 'tokens'))
    writeFileSync(env.SOFTHSM2_CONF, `directories.tokendir = ${join(directory, 'tokens')}\n`)
    const words = ['--init-token', '--free', '--label', 'ops', '--pin', PIN, '--so-pin', '31415926']
    execFileSync('softhsm2-util', words, { env, stdio: 'pipe' })
    makeKey('EC:edwards25519', 'alice', '01')
    makeKey('EC:edwards25519', 'twin', '02')
    makeKey('EC:edwards25519', 'twin', '03')
    makeKey('EC:prime256v1', 'curved', '04')
  })
  test.after(() => rmSync(directory, { recursive: true }))

  test('signs as a key in a file does', () => {
    const signer = openTokenKey(uri('object=alice'), withPin)
    const message = utf8('x'.repeat(1_000))
    assert.is(signer.publicKey.length, 32)
    assert.ok(verify(signer.publicKey, message, signer.sign(message)))
    assert.equal(openTokenKey(uri('id=%01'), withPin).publicKey, signer.publicKey)
  })

  test('leaves nothing behind', () => {
    const strays = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('holdfast-token-'))
    const before = strays()
    openTokenKey(uri('object=alice'), withPin).sign(utf8('x'))
    assert.equal(strays(), before)
  })

  test('the PIN comes from a file, too', () => {
    const file = join(directory, 'pin')
    writeFileSync(file, `${PIN}\n`, { mode: 0o600 })
    const signer = openTokenKey(uri('object=alice', `&pin-source=file:${file}`), env)
    assert.is(signer.sign(utf8('x')).length, 64)
    const fault = faultOf(() => openTokenKey(uri('object=alice', `&pin-source=file:${file}-gone`), env))
    assert.is(fault.code, 'not-found')
  })

  test('of two keys under one name the id decides', () => {
    assert.match(faultOf(() => openTokenKey(uri('object=twin'), withPin)).message, 'more than one key')
    const [one, other] = ['02', '03'].map((id) => openTokenKey(uri(`object=twin;id=%${id}`), withPin))
    assert.not.equal(one?.publicKey, other?.publicKey)
    for (const signer of [one, other]) assert.is(signer?.sign(utf8('x')).length, 64)
  })

  test('what the tool can’t sign in one piece is told as that, or signed', () => {
    const signer = openTokenKey(uri('object=alice'), withPin)
    const message = utf8('x'.repeat(20_000))
    try {
      assert.ok(verify(signer.publicKey, message, signer.sign(message)))
    } catch (error) {
      assert.match(String(error), 'signs 1024 bytes at most')
    }
  })

  for (const [what, open, why] of [
    ['a wrong PIN', () => openTokenKey(uri('object=alice'), { ...env, HOLDFAST_PKCS11_PIN: '1' }), /PIN_INCORRECT/],
    ['no PIN', () => openTokenKey(uri('object=alice'), env), /the token refuses/],
    ['no such key', () => openTokenKey(uri('object=bob'), withPin), /no key under the label bob/],
    ['no such id', () => openTokenKey(uri('id=%77'), withPin), /not found/],
    ['another kind of key', () => openTokenKey(uri('object=curved'), withPin), /not an Ed25519 key/],
    [
      'no such token',
      () => openTokenKey(parseTokenKey(`pkcs11:token=other;object=alice?module-path=${MODULE}`), withPin),
      /No slot with token/,
    ],
    ['no such library', () => openTokenKey(parseTokenKey('pkcs11:id=%01?module-path=/none.so'), withPin), /none\.so/],
    [
      'no tool',
      () => openTokenKey(uri('object=alice'), { ...withPin, PATH: directory }),
      /pkcs11-tool is not installed/,
    ],
  ] as const) {
    test(`refused: ${what}`, () => {
      const fault = faultOf(open)
      assert.match(fault.message, why)
      assert.ok((fault.remedy ?? '').length > 0)
      assert.not.match(`${fault.message}${fault.remedy}`, PIN)
    })
  }
}

if (existsSync(MODULE) && isThere('pkcs11-tool')) defineAll()
else process.stdout.write('skip: needs the packages softhsm2 and opensc\n')
test.run()
