// The settings file: unknown keys and wrong values are refused with their line, flags win over it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { parseConfig } from '../../shared/intent/yaml.ts'
import { parseListen } from './address.ts'
import { resolveSettings, settingsFile } from './settings.ts'

const parseSettingsFile = (text: string) => parseConfig(settingsFile, text)

function refusalOf(text: string): HoldfastError {
  try {
    parseSettingsFile(text)
  } catch (error) {
    if (error instanceof HoldfastError) return error
  }
  throw new Error('was accepted')
}

test('defaults, file and flags', () => {
  const none = resolveSettings({}, {}, false)
  assert.equal(
    [none.listen, none.mqtt],
    [
      { host: '0.0.0.0', port: 8_443 },
      { host: '0.0.0.0', port: 8_883 },
    ],
  )
  assert.is(resolveSettings({}, {}, true).logFormat, 'journal')
  const file = parseSettingsFile('listen: 127.0.0.1:1\nlog:\n  level: debug\n')
  const both = resolveSettings(file, { listen: '127.0.0.1:2', log: { format: 'json' } }, false)
  assert.equal([both.listen.port, both.logLevel, both.logFormat], [2, 'debug', 'json'])
})

test('a cluster is called kube and belongs to the network default, unless told', () => {
  assert.equal(resolveSettings({}, {}, false).cluster, { name: 'kube', network: 'default', nodeLabels: false })
  const file = parseSettingsFile('kubernetes: true\ncluster:\n  name: plant\n  network: second\n')
  const { cluster } = resolveSettings(file, { cluster: { name: 'mill', nodeLabels: true } }, false)
  assert.equal(cluster, { name: 'mill', network: 'second', nodeLabels: true })
  for (const name of ['Plant', 'a--b', '-a', 'a.b', 'a'.repeat(21), ''])
    assert.is(refusalOf(`cluster:\n  name: "${name}"\n`).field, 'cluster.name', name)
})

test('MQTT at the address of HTTPS has no port of its own; who is believed about sources is this machine unless told', () => {
  const same = { listen: '127.0.0.1:8443', mqtt: '127.0.0.1:8443' }
  assert.is(resolveSettings(same, {}, false).mqtt, undefined)
  assert.equal(resolveSettings(same, { mqtt: '0.0.0.0:8443' }, false).mqtt, { host: '0.0.0.0', port: 8_443 })
  assert.equal(resolveSettings({}, {}, false).trustProxies, ['127.0.0.0/8', '::1/128'])
  assert.equal(resolveSettings(parseSettingsFile('trustProxies: []\n'), {}, false).trustProxies, [])
  assert.is(refusalOf('trustProxies: [somewhere]\n').field, 'trustProxies[0]')
})

test('an empty file is a file', () => assert.equal(parseSettingsFile('# nothing\n'), {}))

for (const [what, text, field, line] of [
  ['an unknown key', 'listen: :1\nlissten: :2\n', 'lissten', 2],
  ['an unknown key inside', 'log:\n  level: info\n  colour: red\n', 'log.colour', 3],
  ['a wrong type', 'mqtt: 8883\n', 'mqtt', 1],
  ['a URL with a path', '\nurl: https://hub.example.org/x\n', 'url', 2],
  ['a name that is none', 'names:\n  - ok.example.org\n  - "no good"\n', 'names[1]', 3],
] as const) {
  test(`${what} is refused with its line`, () => {
    const error = refusalOf(text)
    assert.equal([error.code, error.field, error.line], ['invalid', field, line])
  })
}

test('broken YAML, doubled keys and aliases are refused', () => {
  assert.is(refusalOf('listen: [\n').code, 'invalid')
  assert.is(refusalOf('listen: :1\nlisten: :2\n').line, 2)
  assert.throws(() => parseSettingsFile('a: &a x\nb: *a\n'))
})

test('addresses to listen at', () => {
  assert.equal(parseListen('[::1]:8443', 'listen'), { host: '::1', port: 8_443 })
  assert.equal(parseListen(':0', 'listen'), { host: '0.0.0.0', port: 0 })
  for (const text of ['8443', 'host', 'host:', 'host:99999', '::1:8443', 'a b:1', '']) {
    assert.throws(() => parseListen(text, 'listen'), /not an address/, text)
  }
})

test.run()
