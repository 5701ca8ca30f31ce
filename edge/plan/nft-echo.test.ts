// What a router does with echoes that prove it: led on to the machine that intent names, to nobody else, never answered here.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import type { Forward } from './enforcement.ts'
import { renderRuleset } from './nft.ts'
import { echoLines, echoRoomLines, judgedHere } from './nft-echo.ts'

const MARK = '@th,64,64 0x686f6c6466617374'
const plain: Forward = { destination: parseCidr('192.168.1.0/24'), nat: 'masquerade' }
const four: Forward = {
  ...plain,
  probe: { at: parseAddress('10.77.0.2'), id: 77, target: parseAddress('192.168.1.9') },
}
const six: Forward = {
  destination: parseCidr('fd55::/64'),
  nat: 'none',
  probe: { at: parseAddress('fd77::2'), id: 78, target: parseAddress('fd55::9') },
}

test('an echo with the mark and the identifier is led on, in either family, each probe once', () => {
  assert.equal(echoLines({ interface: 'hf0', forwards: [plain, four, four, six] }), [
    `iifname "hf0" ip daddr 10.77.0.2 icmp type echo-request icmp id 77 ${MARK} dnat ip to 192.168.1.9`,
    `iifname "hf0" ip6 daddr fd77::2 icmpv6 type echo-request icmpv6 id 78 ${MARK} dnat ip6 to fd55::9`,
  ])
})

test('what is led nowhere is dropped, what is led on has a bound, and policy judges it as one to this node', () => {
  const rooms = new Map(echoRoomLines({ interface: 'hf0', forwards: [four] }))
  assert.ok(rooms.get('echo_here')?.includes(`iifname "hf0" icmp type echo-request ${MARK} drop`))
  assert.match(
    rooms.get('echo_on')?.[1] ?? '',
    /ct original ip daddr 10\.77\.0\.2 .* limit rate over 500\/second .* drop$/,
  )
  assert.equal(judgedHere({ interface: 'hf0', forwards: [four] }), [
    `iifname "hf0" ct original ip daddr 10.77.0.2 icmp type echo-request ${MARK} goto ingress`,
  ])
})

test('without a probe nothing of it is in the tables', () => {
  assert.equal(echoRoomLines({ interface: 'hf0', forwards: [plain] }), [])
  const text = renderRuleset({ interface: 'hf0', mesh: [], forwards: [plain] })
  assert.not.match(text, /echo|nat_in/)
})

test.run()
