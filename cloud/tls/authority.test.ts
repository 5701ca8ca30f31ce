// The authority is made once, the server certificate renewed in its last third, and OpenSSL accepts both.

import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { openKeyCertificate } from '../../shared/record/keys.ts'
import { hubServerName } from '../../shared/wire/enrol.ts'
import { openTls } from './authority.ts'
import { openHubKeys } from './hub-keys.ts'

const DAY_MS = 86_400_000
const directories: string[] = []
function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'hf-tls-'))
  directories.push(path)
  return path
}
test.after(() => {
  for (const path of directories) rmSync(path, { recursive: true, force: true })
})

const now = 1_790_000_000_000
const setup = (directory = scratch(), hosts = ['192.0.2.7', 'hub.example.org'], clock = new FakeClock(now)) => ({
  directory,
  hosts,
  clock,
  entropy: seededEntropy(1),
  log: memoryLog(),
})

test('names, usage and life of both certificates', () => {
  const tls = openTls(setup())
  const leaf = new X509Certificate(tls.certificate)
  const authority = new X509Certificate(tls.authority)
  assert.ok(authority.ca)
  assert.not.ok(leaf.ca)
  assert.ok(leaf.checkIssued(authority))
  assert.ok(leaf.verify(authority.publicKey))
  assert.is(leaf.checkHost(hubServerName), hubServerName)
  assert.is(leaf.checkHost('hub.example.org'), 'hub.example.org')
  assert.is(leaf.checkHost('other.example.org'), undefined)
  assert.is(leaf.checkIP('192.0.2.7'), '192.0.2.7')
  assert.is(leaf.checkIP('::1'), '::1')
  assert.is(authority.validToDate.getUTCFullYear(), 2046)
})

test('secrets are readable by their owner only', () => {
  const options = setup()
  openTls(options)
  for (const file of ['authority.key', 'hub.key']) {
    assert.is(statSync(join(options.directory, file)).mode & 0o777, 0o600, file)
  }
})

test('a second start changes nothing; the last third renews the leaf and keeps the authority', () => {
  const options = setup()
  const first = openTls(options)
  assert.equal(openTls(options), first)
  options.clock.advance(260 * DAY_MS)
  assert.is(openTls(options).certificate, first.certificate)
  options.clock.advance(10 * DAY_MS)
  const renewed = openTls(options)
  assert.is.not(renewed.certificate, first.certificate)
  assert.equal(renewed.authorityDer, first.authorityDer)
  assert.ok(renewed.notAfter > first.notAfter)
})

test('a new listen address is put into a new certificate', () => {
  const options = setup()
  const first = openTls(options)
  const second = openTls({ ...options, hosts: ['198.51.100.4'] })
  assert.is.not(second.certificate, first.certificate)
  assert.is(new X509Certificate(second.certificate).checkIP('198.51.100.4'), '198.51.100.4')
})

test('a damaged authority is never silently replaced', () => {
  const options = setup()
  openTls(options)
  writeFileSync(join(options.directory, 'authority.crt'), 'rubbish')
  assert.throws(
    () => openTls(options),
    (error: unknown) => error instanceof HoldfastError && error.code === 'corrupt' && /backup/.test(error.remedy ?? ''),
  )
})

test('a TLS client that knows only the authority accepts the hub', async () => {
  // The handshake judges by the machine's clock, so the certificate must be of today.
  const { systemClock } = await import('../../shared/host/clock.ts')
  const tls = openTls({ ...setup(), clock: systemClock })
  const server = createServer({ key: tls.key, cert: tls.certificate }, (socket) => socket.end('ok'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const said = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: hubServerName, ca: tls.authority })
    socket.on('error', reject)
    socket.on('data', (data) => {
      socket.destroy()
      resolve(data.toString())
    })
  })
  server.close()
  assert.is(said, 'ok')
})

test('root and signing key stay, and the root certifies the signing key', () => {
  const options = setup()
  const { authorityDer } = openTls(options)
  const first = openHubKeys(options.directory, authorityDer, options.clock)
  options.clock.advance(1_000)
  const second = openHubKeys(options.directory, authorityDer, options.clock)
  assert.equal(second.anchor, first.anchor)
  assert.equal(second.keyCertificates, first.keyCertificates)
  const certified = openKeyCertificate(
    first.keyCertificates[0] as Uint8Array,
    fromBase64(first.anchor.rootKey),
    verify,
    sha256,
  )
  assert.is(toBase64(certified), toBase64(first.signer.publicKey))
  assert.is(statSync(join(options.directory, 'root.key')).mode & 0o777, 0o600)
})

test.run()
