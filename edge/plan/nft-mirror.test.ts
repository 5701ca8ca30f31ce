// The table of the mirror, as text.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCidr } from '../../shared/address/cidr.ts'
import { type MirrorTable, renderMirrorTable } from './nft-mirror.ts'

const all: MirrorTable = { interface: 'hf0', to: 'ids0', services: [], packetsPerS: 10_000, untilS: 1_800_000_000 }

/** What selects, of a chain. */
function rules(table: MirrorTable, chain: 'arrives' | 'leaves'): readonly string[] {
  const text = renderMirrorTable(table).split(`chain ${chain} {\n`)[1]?.split('\t}\n')[0] ?? ''
  return text
    .split('\n')
    .slice(2, -1)
    .map((line) => line.trim())
}

test('everybody’s', () => {
  assert.is(
    renderMirrorTable(all),
    `table netdev holdfast_mirror {
	limit pace {
		rate 10000/second burst 1000 packets
	}
	counter copied {
	}
	counter spared {
	}
	chain copy {
		limit name "pace" counter name "copied" dup to "ids0" return
		counter name "spared"
	}
	chain arrives {
		type filter hook ingress device "hf0" priority filter; policy accept;
		meta time >= 1800000000 return
		goto copy
	}
	chain leaves {
		type filter hook egress device "hf0" priority filter; policy accept;
		meta time >= 1800000000 return
		goto copy
	}
}
`,
  )
})

test('by the other end, whatever the order, and nothing twice', () => {
  const blocks = ['10.7.0.9/32', 'fd00::9/128', '10.8.0.0/16', '10.8.1.1/32', '10.7.0.9/32'].map((one) =>
    parseCidr(one),
  )
  for (const list of [blocks, blocks.toReversed()]) {
    assert.equal(rules({ ...all, blocks: list }, 'arrives'), [
      'ip saddr { 10.7.0.9/32, 10.8.0.0/16 } goto copy',
      'ip6 saddr { fd00::9/128 } goto copy',
    ])
    assert.equal(rules({ ...all, blocks: list }, 'leaves'), [
      'ip daddr { 10.7.0.9/32, 10.8.0.0/16 } goto copy',
      'ip6 daddr { fd00::9/128 } goto copy',
    ])
  }
})

test('nobody selected is nobody copied', () => {
  assert.equal(rules({ ...all, blocks: [] }, 'arrives'), [])
  assert.equal(rules({ ...all, blocks: [], services: [{ protocol: 'TCP', port: 502 }] }, 'leaves'), [])
})

test('by service at either end', () => {
  const services = [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 8_080 },
    { protocol: 'ICMP', port: 0 },
    { protocol: 'TCP', port: 502 },
    { protocol: 'TCP', port: 502 },
  ] as const
  const kinds = [
    'meta l4proto { icmp, ipv6-icmp } goto copy',
    'tcp sport { 502, 8080 } goto copy',
    'tcp dport { 502, 8080 } goto copy',
    'udp sport { 53 } goto copy',
    'udp dport { 53 } goto copy',
  ]
  assert.equal(rules({ ...all, services }, 'arrives'), kinds)
  assert.equal(
    rules({ ...all, services, blocks: [parseCidr('10.7.0.9/32')] }, 'leaves'),
    kinds.map((kind) => `ip daddr { 10.7.0.9/32 } ${kind}`),
  )
})

test('a rate below ten has a burst all the same', () => {
  assert.match(renderMirrorTable({ ...all, packetsPerS: 1 }), /rate 1\/second burst 1 packets/)
})

test.run()
