// Records: each kind reads back what was written, and nothing that is not of its kind.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, toBase64, utf8 } from '../bytes.ts'
import { faultOf, hostileBytes, refusesPolitely } from '../fuzz.fake.ts'
import { recordBytesMax } from '../limits.ts'
import { encodeCanonical } from './canonical.ts'
import { type AnyRecord, encodeRecord, parseRecord, recordKind } from './record.ts'

const node = {
  nodeId: 'abcdefghijkl2345',
  name: 'shop-1',
  labels: { role: 'till' },
  wgKey: toBase64(new Uint8Array(32).fill(1)),
  deviceKey: toBase64(new Uint8Array(32).fill(2)),
  addresses: ['10.7.0.2', 'fd00::2'],
  advertise: ['192.168.1.0/24'],
}

const bodyBytes = (id: string, body: unknown): Uint8Array => encodeCanonical({ id, body })

test('golden record: its bytes are what was hashed and signed', () => {
  const bytes = bodyBytes('node/shop-1', node)
  assert.is(
    fromUtf8(bytes),
    `{"body":{"addresses":["10.7.0.2","fd00::2"],"advertise":["192.168.1.0/24"],"deviceKey":"${node.deviceKey}",` +
      `"labels":{"role":"till"},"name":"shop-1","nodeId":"abcdefghijkl2345","wgKey":"${node.wgKey}"},"id":"node/shop-1"}`,
  )
  const record = parseRecord(bytes)
  assert.is(record.kind, 'node')
  assert.equal([...encodeRecord(record)], [...bytes])
})

for (const [id, body] of [
  ['network/default', { name: 'default', spec: { cidr: '10.7.0.0/16' } }],
  ['policy/ping', { name: 'ping', spec: { subject: { nodeSelector: {} } } }],
  ['route/lan', { name: 'lan', spec: { destination: '192.168.1.0/24', via: {} } }],
  ['service/web', { name: 'web', addresses: ['10.7.1.1'], spec: { ports: [{ port: 80 }], backends: {} } }],
  ['key/0123456789abcdef', { envelope: 'AAAA' }],
] as const) {
  test(`${id} is read, filled with its defaults, and stays the same from then on`, () => {
    const once = parseRecord(bodyBytes(id, body))
    assert.is(once.id, id)
    assert.equal(parseRecord(encodeRecord(once)), once)
  })
}

for (const [what, id, body] of [
  ['an unknown kind', 'pod/a', {}],
  ['an id without a name', 'node/', node],
  ['an id with more behind it', 'node/a/b', node],
  ['an id that every object answers to', 'constructor/a', node],
  ['two names', 'node/shop-2', node],
  ['a field too many', 'node/shop-1', { ...node, extra: 1 }],
  ['an address that is none', 'node/shop-1', { ...node, addresses: ['10.7.0'] }],
  ['no address', 'node/shop-1', { ...node, addresses: [] }],
  ['five addresses', 'node/shop-1', { ...node, addresses: [1, 2, 3, 4, 5].map((last) => `10.0.0.${last}`) }],
  ['a key of 31 bytes', 'node/shop-1', { ...node, wgKey: toBase64(new Uint8Array(31)) }],
  ['a label key that every object has', 'node/shop-1', { ...node, labels: { constructor: 'x' } }],
  ['a port out of range', 'node/shop-1', { ...node, relay: { port: 0, tlsPort: 443 } }],
] as const) {
  test(`refused: ${what}`, () => {
    const fault = faultOf(() => parseRecord(bodyBytes(id, body)))
    assert.is(fault.code, 'invalid')
  })
}

test('the id names the kind', () => {
  assert.is(recordKind('node/a'), 'node')
  for (const bad of ['', 'node', '/a', 'Node/a', '__proto__/a', 'toString/a', 'constructor/a', 'pod/a']) {
    assert.is(faultOf(() => recordKind(bad)).code, 'invalid')
  }
})

test('a record has a bound, and hostile ones are refused politely', () => {
  assert.is(faultOf(() => parseRecord(utf8(' '.repeat(recordBytesMax + 1)))).code, 'too-large')
  refusesPolitely(hostileBytes(bodyBytes('node/shop-1', node)), (bytes) => {
    const record: AnyRecord = parseRecord(bytes)
    assert.ok(record.id.startsWith(record.kind))
  })
})

test.run()
