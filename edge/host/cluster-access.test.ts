// How a cluster is reached: what a kubeconfig says, and what is wrong with one.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { readClusterAccess } from './cluster-access.ts'
import { isClusterPlace } from './cluster-place.ts'

const directory = mkdtempSync(join(tmpdir(), 'holdfast-access-'))
const path = join(directory, 'k3s.yaml')
test.after(() => rmSync(directory, { recursive: true }))

const data = (text: string): string => Buffer.from(text).toString('base64')

/** As k3s writes it. */
function kubeconfig(cluster: string, user: string): string {
  return `apiVersion: v1
kind: Config
preferences: {}
clusters:
- cluster:
    ${cluster}
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    ${user}
`
}

const SERVER = `certificate-authority-data: ${data('the authority')}\n    server: https://127.0.0.1:6443`
const CLIENT = `client-certificate-data: ${data('the certificate')}\n    client-key-data: ${data('the key')}`

test('a kubeconfig of k3s leads by its client certificate, each time as it is now', async () => {
  writeFileSync(path, kubeconfig(SERVER, CLIENT))
  const access = await readClusterAccess(path, {})
  assert.is(access.url.href, 'https://127.0.0.1:6443/')
  assert.equal(
    [access.ca, access.cert, access.key, access.token],
    ['the authority', 'the certificate', 'the key', undefined],
  )
  writeFileSync(join(directory, 'token'), 'first\n')
  writeFileSync(path, kubeconfig(SERVER, 'tokenFile: token'))
  assert.is((await readClusterAccess(path, {})).token, 'first')
  writeFileSync(join(directory, 'token'), 'second\n')
  assert.is((await readClusterAccess(path, {})).token, 'second')
})

test('in a pod the service account leads, with the token that is mounted now', async () => {
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }
  writeFileSync(join(directory, 'ca.crt'), 'the authority')
  writeFileSync(join(directory, 'token'), 'first\n')
  const { ca, token, url } = await readClusterAccess('in-cluster', env, directory)
  assert.equal([url.href, ca, token], ['https://[fd00::1]:6443/', 'the authority', 'first'])
  writeFileSync(join(directory, 'token'), 'second\n')
  assert.is((await readClusterAccess('in-cluster', env, directory)).token, 'second')
})

test('an address alone needs no file', async () => {
  assert.equal(await readClusterAccess('http://127.0.0.1:10550', {}), { url: new URL('http://127.0.0.1:10550') })
})

async function codeOf(source: string, text?: string): Promise<string> {
  if (text !== undefined) writeFileSync(path, text)
  try {
    await readClusterAccess(source, {})
    return 'none'
  } catch (error) {
    return isHoldfastError(error) ? error.code : String(error)
  }
}

test('what leads nowhere is said', async () => {
  assert.is(await codeOf(join(directory, 'none')), 'not-found')
  assert.is(await codeOf('in-cluster'), 'not-found')
  assert.is(await codeOf(path, 'a: [b'), 'invalid')
  assert.is(await codeOf(path, '{}'), 'invalid')
  assert.is(
    await codeOf(path, kubeconfig(SERVER, CLIENT).replace('current-context: default', 'current-context: x')),
    'invalid',
  )
  assert.is(await codeOf(path, kubeconfig(SERVER, 'tokenFile: none')), 'not-found')
  assert.is(await codeOf(path, kubeconfig(SERVER, 'exec: {command: aws}')), 'unsupported')
})

test('a server that proves nothing is told no token', async () => {
  assert.is(await codeOf(path, kubeconfig('server: http://10.0.0.1:8080', 'token: x')), 'untrusted')
  const blind = 'insecure-skip-tls-verify: true\n    server: https://10.0.0.1:6443'
  assert.is(await codeOf(path, kubeconfig(blind, 'token: x')), 'untrusted')
})

test('a setting says a place, in clear on this host alone', () => {
  for (const place of ['in-cluster', '/etc/rancher/k3s/k3s.yaml', 'https://10.0.0.1:6443', 'http://[::1]:10550']) {
    assert.ok(isClusterPlace(place), place)
  }
  for (const place of [
    '',
    'k3s.yaml',
    'http://10.0.0.1:8080',
    'ftp://127.0.0.1',
    'https://user@host',
    'https://h/?x=1',
  ]) {
    assert.not.ok(isClusterPlace(place), place)
  }
})

test.run()
