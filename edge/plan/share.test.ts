// The rules that share WireGuard's port, word for word, and nothing of them where nothing is shared.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type RulesetInput, renderRuleset } from './nft.ts'

const input: RulesetInput = {
  interface: 'hf0',
  mesh: [],
  forwards: [],
}

const GOLDEN = `
set share_known4 { type ipv4_addr . inet_service; size 16384; flags dynamic,timeout; timeout 3m; limit rate 300/second burst 300 packets; }
set share_asker4 { type ipv4_addr; size 16384; flags dynamic,timeout; timeout 1m; }
set share_known6 { type ipv6_addr . inet_service; size 16384; flags dynamic,timeout; timeout 3m; limit rate 300/second burst 300 packets; }
set share_asker6 { type ipv6_addr; size 16384; flags dynamic,timeout; timeout 1m; }
chain share_frame {
ip saddr . udp sport @share_known4 udp dport set 40001 accept
ip6 saddr . udp sport @share_known6 udp dport set 40001 accept
update @share_asker4 { ip saddr limit rate over 50/second burst 100 packets } counter drop
update @share_asker6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate over 50/second burst 100 packets } counter drop
limit rate over 1000/second burst 500 packets counter drop
udp dport set 40001
}
chain share_whole {
type filter hook prerouting priority -450; policy accept;
iifname != "hf0" ip frag-off & 0x3fff != 0 udp dport 40000 @th,64,32 0xf0686601 drop
iifname != "hf0" exthdr frag exists udp dport 40000 @th,64,32 0xf0686601 drop
}
chain share_in {
type filter hook input priority 200; policy accept;
udp dport 40001 drop
iifname != "hf0" udp dport 40000 @th,64,32 0xf0686601 goto share_frame
iifname != "hf0" udp dport 40000 @th,64,32 0xf0687201 goto share_frame
iifname != "hf0" udp dport 40000 @th,64,16 0x0101 @th,96,32 0x2112a442 goto share_frame
iifname != "hf0" udp dport 40000 @th,64,32 != { 0x01000000, 0x02000000, 0x03000000, 0x04000000 } counter drop
iifname != "hf0" udp dport 40000 ct state new limit rate over 2000/second burst 1000 packets counter drop
}
chain share_out {
type filter hook output priority raw; policy accept;
oifname "hf0" udp sport 40001 drop
udp sport 40001 update @share_known4 { ip daddr . udp dport }
udp sport 40001 update @share_known6 { ip6 daddr . udp dport }
udp sport 40001 udp sport set 40000
}
}
`

test('frames and answers of STUN are led to the control port, and leave as WireGuard’s', () => {
  const text = renderRuleset({ ...input, share: { listenPort: 40_000, controlPort: 40_001 } })
  assert.is(`\n${text.slice(text.indexOf('\tset share_known4')).replace(/^\t+/gm, '')}`, GOLDEN)
})

test('where nothing is shared, the rest is the same and no more', () => {
  const shared = renderRuleset({ ...input, share: { listenPort: 40_000, controlPort: 40_001 } })
  const alone = renderRuleset(input)
  assert.is(alone, `${shared.slice(0, shared.indexOf('\tset share_known4'))}}\n`)
})

test.run()
