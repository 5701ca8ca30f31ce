// What WireGuard prints, in both of its languages, read as the same thing.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Cidr } from '../../shared/address/cidr.ts'
import { wgPublicKey } from '../../shared/host/crypto.ts'
import { fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { createGetReader, setRequest } from './wg-socket.ts'
import { createDumpReader } from './wg-tool.ts'

const parseGet = (text: string): ReturnType<ReturnType<typeof createGetReader>> => createGetReader()(text)
const parseDump = (text: string): ReturnType<ReturnType<typeof createDumpReader>> => createDumpReader()(text)

const [PRIVATE, OTHER] = [7, 9].map((byte) => Buffer.alloc(32, byte).toString('base64')) as [string, string]
const hex = (byte: number): string => Buffer.alloc(32, byte).toString('hex')

const DUMP = [
  [PRIVATE, wgPublicKey(PRIVATE), '51820', 'off'].join('\t'),
  [fakeWgKey(2), '(none)', '192.0.2.2:51820', 'fd77::2/128,10.77.0.2/32', '1700000000', '10', '20', '25'].join('\t'),
  [fakeWgKey(3), '(none)', '(none)', '(none)', '0', '0', '0', 'off'].join('\t'),
  '',
].join('\n')

const GET = `private_key=${hex(7)}
listen_port=51820
public_key=${hex(3)}
last_handshake_time_sec=0
last_handshake_time_nsec=0
tx_bytes=0
rx_bytes=0
persistent_keepalive_interval=0
public_key=${hex(2)}
preshared_key=${hex(0)}
endpoint=192.0.2.2:51820
last_handshake_time_sec=1700000000
last_handshake_time_nsec=0
tx_bytes=20
rx_bytes=10
persistent_keepalive_interval=25
allowed_ip=fd77::2/128
allowed_ip=10.77.0.2/32
errno=0

`

const EXPECTED = {
  listenPort: 51_820,
  wgKey: wgPublicKey(PRIVATE),
  peers: [
    {
      wgKey: fakeWgKey(2),
      allowedIps: ['10.77.0.2/32', 'fd77::2/128'] as Cidr[],
      endpoint: '192.0.2.2:51820',
      keepaliveS: 25,
      handshakeAt: 1_700_000_000_000,
      rxBytes: 10,
      txBytes: 20,
    },
    { wgKey: fakeWgKey(3), allowedIps: [], keepaliveS: 0, handshakeAt: 0, rxBytes: 0, txBytes: 0 },
  ],
}

test('the dump of `wg` and the answer of a socket mean the same', () => {
  assert.equal(parseDump(DUMP), EXPECTED)
  assert.equal(parseGet(GET), EXPECTED)
})

test('a device without key and peers', () => {
  assert.equal(parseDump('(none)\t(none)\t0\toff\n'), { listenPort: 0, peers: [] })
  assert.equal(parseGet(`private_key=${hex(0)}\nlisten_port=0\nerrno=0\n\n`), { listenPort: 0, peers: [] })
})

test('an endpoint with a zone, where a peer roamed on the link, is no reason not to read the rest', () => {
  const device = parseDump(DUMP.replace('192.0.2.2:51820', '[fe80::1%eth0]:51820'))
  assert.is(device.peers[0]?.endpoint, undefined)
  assert.is(device.peers.length, 2)
})

test('unknown words of newer versions are passed over', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z_]{1,20}$/), fc.stringMatching(/^[ -~]{0,20}$/), (key, value) => {
      fc.pre(!GET.includes(`${key}=`))
      assert.equal(parseGet(GET.replace('errno=0', () => `${key}=${value}\nerrno=0`)), EXPECTED)
    }),
  )
})

test('a device without key and port that has peers', () => {
  const bare = GET.slice(GET.indexOf('public_key='))
  assert.equal(parseGet(bare), { listenPort: 0, peers: EXPECTED.peers })
})

test('what is remembered between reads changes nothing of what is read', () => {
  const moved = (text: string): string =>
    text.replace('192.0.2.2:51820', '192.0.2.9:1').replace(/fd77::2\/128,|allowed_ip=fd77::2\/128\n/, '')
  const rekeyed = (text: string): string =>
    text.replace(hex(7), hex(9)).replace(PRIVATE, OTHER).replace(wgPublicKey(PRIVATE), wgPublicKey(OTHER))
  for (const [text, reader, once] of [
    [DUMP, createDumpReader(), parseDump],
    [GET, createGetReader(), parseGet],
  ] as const) {
    for (const one of [text, moved(text), text, rekeyed(text), text]) assert.equal(reader(one), once(one))
  }
})

test('a peer whose text is the same stays the same object', () => {
  const [dump, get] = [createDumpReader(), createGetReader()]
  assert.is(dump(DUMP).peers[0], dump(DUMP).peers[0])
  assert.is(get(GET).peers[0], get(GET).peers[0])
})

test('a peer that only gains addresses keeps those it has all the while; one that loses some has them replaced', () => {
  const [a, b, c] = ['10.77.0.2/32', 'fd77::2/128', '10.78.0.2/32'] as [Cidr, Cidr, Cidr]
  const request = (allowedIps: readonly Cidr[], wgKey = fakeWgKey(2)): string =>
    setRequest([{ op: 'peer-set', wgKey, allowedIps }], EXPECTED.peers)
  const lines = (byte: number, ...rest: readonly string[]): string =>
    ['set=1', `public_key=${hex(byte)}`, ...rest].join('\n')
  assert.is(request([a, b, c]), lines(2, `allowed_ip=${a}`, `allowed_ip=${b}`, `allowed_ip=${c}`))
  assert.is(request([a, c]), lines(2, 'replace_allowed_ips=true', `allowed_ip=${a}`, `allowed_ip=${c}`))
  assert.is(request([]), lines(2, 'replace_allowed_ips=true'))
  assert.is(request([a], fakeWgKey(3)), lines(3, `allowed_ip=${a}`), 'has none')
  assert.is(request([a], fakeWgKey(9)), lines(9, `allowed_ip=${a}`), 'is new')
  // Begun anew: what it had went with it.
  const anew = setRequest(
    [
      { op: 'peer-remove', wgKey: fakeWgKey(2) },
      { op: 'peer-set', wgKey: fakeWgKey(2), allowedIps: [a, b] },
    ],
    EXPECTED.peers,
  )
  assert.is(anew, `${lines(2, 'remove=true')}\npublic_key=${hex(2)}\nallowed_ip=${a}\nallowed_ip=${b}`)
})

test.run()
