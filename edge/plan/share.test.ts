// The rules that share WireGuard's port, word for word, and nothing of them where nothing is shared.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DirectionRules } from '../../shared/policy/rules.ts'
import { type RulesetInput, renderRuleset } from './nft.ts'

const open: DirectionRules = { admin: [], isolated: false, standard: [], baseline: [], fallback: 'accept' }
const input: RulesetInput = {
  interface: 'hf0',
  meshPort: 51_822,
  mesh: [],
  rules: { ingress: open, egress: open, unsupported: [] },
  forwards: [],
}

const GOLDEN = `
chain share_whole {
type filter hook prerouting priority -450; policy accept;
iifname != "hf0" ip frag-off & 0x3fff != 0 udp dport 40000 @th,64,32 0xf0686601 drop
iifname != "hf0" exthdr frag exists udp dport 40000 @th,64,32 0xf0686601 drop
}
chain share_in {
type filter hook input priority 200; policy accept;
udp dport 40001 drop
iifname != "hf0" udp dport 40000 @th,64,32 0xf0686601 udp dport set 40001
iifname != "hf0" udp dport 40000 @th,64,32 0xf0687201 udp dport set 40001
iifname != "hf0" udp dport 40000 @th,64,16 0x0101 @th,96,32 0x2112a442 udp dport set 40001
}
chain share_out {
type filter hook output priority raw; policy accept;
oifname "hf0" udp sport 40001 drop
udp sport 40001 udp sport set 40000
}
}
`

test('frames and answers of STUN are led to the control port, and leave as WireGuard’s', () => {
  const text = renderRuleset({ ...input, share: { listenPort: 40_000, controlPort: 40_001 } })
  assert.is(`\n${text.slice(text.indexOf('\tchain share_whole')).replace(/^\t+/gm, '')}`, GOLDEN)
})

test('where nothing is shared, the rest is the same and no more', () => {
  const shared = renderRuleset({ ...input, share: { listenPort: 40_000, controlPort: 40_001 } })
  const alone = renderRuleset(input)
  assert.is(alone, `${shared.slice(0, shared.indexOf('\tchain share_whole'))}}\n`)
})

test.run()
