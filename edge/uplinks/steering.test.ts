// Golden lines for `ip -batch`.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { noSteering, type SteeringWish, steeringChange, steeringOf } from './steering.ts'

const wish: SteeringWish = {
  uplinks: [
    {
      interface: 'eth0',
      gateway: parseAddress('192.168.1.1'),
      address: parseAddress('192.168.1.10'),
      probePort: 40_001,
    },
    { interface: 'wwan0', address: parseAddress('10.64.0.7'), probePort: 40_002 },
  ],
  chosen: undefined,
  ports: [51_820, 51_821],
  contacts: [{ address: parseAddress('203.0.113.1'), port: 8_443 }],
}
const lines = (...args: Parameters<typeof steeringChange>): string => `${steeringChange(...args).join('\n')}\n`

test('where the host’s choice works, uplinks can be asked and nothing is led', () => {
  assert.snapshot(
    lines(noSteering, steeringOf(wish), '72'),
    `rule add pref 7271 from 192.168.1.10 ipproto udp sport 40001 lookup 7273 protocol 72
rule add pref 7271 from 192.168.1.10 to 203.0.113.1 ipproto tcp dport 8443 lookup 7273 protocol 72
rule add pref 7271 from 10.64.0.7 ipproto udp sport 40002 lookup 7274 protocol 72
rule add pref 7271 from 10.64.0.7 to 203.0.113.1 ipproto tcp dport 8443 lookup 7274 protocol 72
route replace default via 192.168.1.1 dev eth0 src 192.168.1.10 table 7273 metric 7272 onlink protocol 72
route replace default dev wwan0 src 10.64.0.7 table 7274 metric 7272 protocol 72
`,
  )
})

test('to another uplink: rules first, the route that WireGuard takes last', () => {
  assert.snapshot(
    lines(steeringOf(wish), steeringOf({ ...wish, chosen: 'wwan0' }), '72'),
    `rule add pref 7272 ipproto udp sport 51820 lookup 254 suppress_prefixlength 0 protocol 72
rule add pref 7273 ipproto udp sport 51820 lookup 7272 protocol 72
rule add pref 7272 ipproto udp sport 51821 lookup 254 suppress_prefixlength 0 protocol 72
rule add pref 7273 ipproto udp sport 51821 lookup 7272 protocol 72
route replace default dev wwan0 src 10.64.0.7 table 7272 metric 7272 protocol 72
`,
  )
})

test('between two chosen ones only the route is replaced; nothing for nothing', () => {
  const from = steeringOf({ ...wish, chosen: 'wwan0' })
  assert.is(
    lines(from, steeringOf({ ...wish, chosen: 'eth0' }), '72'),
    'route replace default via 192.168.1.1 dev eth0 src 192.168.1.10 table 7272 metric 7272 onlink protocol 72\n',
  )
  assert.equal(steeringChange(from, from, '72'), [])
})

test('all that was laid is taken away', () => {
  const from = steeringOf({ ...wish, chosen: 'wwan0' })
  const gone = steeringChange(from, noSteering, '72')
  assert.is(gone.length, from.rules.length + from.routes.length)
  assert.ok(gone.every((line) => /^(?:rule|route) del /.test(line)))
})

test.run()
