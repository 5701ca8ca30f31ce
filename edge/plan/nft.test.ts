// The text of the own tables, word for word: a change of it is a change of what the fleet enforces.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Name, NodeId } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { fakeRecords, fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { desire } from './desire.ts'
import { divideRuleset, outsideTableOf, renderRuleset } from './nft.ts'
import { renderPolicy } from './nft-policy.ts'

const records = fakeRecords({
  nodes: [
    { name: 'gw', labels: { role: 'gw' }, advertise: ['192.168.50.0/24', 'fd50::/64'] },
    { name: 'db', labels: { role: 'db' } },
    { name: 'web', labels: { role: 'web' } },
  ],
  policies: {
    'no-ssh': {
      tier: 'Admin',
      subject: { nodeSelector: {} },
      ingress: [
        { action: 'Pass', from: [{ node: 'db' }], ports: [{ port: 22 }] },
        { action: 'Deny', ports: [{ port: 22 }] },
      ],
    },
    web: {
      subject: { nodeSelector: { matchLabels: { role: 'gw' } } },
      ingress: [
        {
          from: [{ nodeSelector: {} }],
          ports: [{ port: 80 }, { port: 81, endPort: 90 }, { port: 443 }, { protocol: 'ICMP' }],
        },
      ],
    },
  },
  routes: {
    plant: { destination: '192.168.50.0/24', via: { matchLabels: { role: 'gw' } } },
    plant6: { destination: 'fd50::/64', via: { matchLabels: { role: 'gw' } }, nat: 'none' },
  },
})

const common = { interface: 'hf0', listenPort: 51_820, meshPort: 51_822, endpoints: new Map(), local: [] }

function tablesOf(node: string, byte: number): string {
  const { desired } = desire({ ...common, records, self: node as NodeId, wgKey: fakeWgKey(byte) })
  return renderPolicy(desired.policy) + desired.ruleset
}

const HEAD = `
ct state related accept
ct direction reply ct state established accept
ct state invalid drop
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept`

const GOLDEN = `
table inet holdfast_policy {
chain cell_0 {
tcp dport { 80-90, 443 } accept
meta l4proto { icmp, ipv6-icmp } accept
drop
}
chain way_0 {
ip saddr 10.77.0.1-10.77.0.3 goto cell_0
ip6 saddr fd77::1-fd77::3 goto cell_0
drop
}
chain ingress {
goto way_0
}
chain behind_ingress {
goto way_0
}
chain egress {
accept
}
chain behind_egress {
accept
}
chain input {
type filter hook input priority filter; policy accept;
iifname != "hf0" accept${HEAD}
meta l4proto { tcp, udp } th dport 51822 accept
goto ingress
}
chain output {
type filter hook output priority filter; policy accept;
oifname != "hf0" accept${HEAD}
meta l4proto { tcp, udp } th dport 51822 accept
goto egress
}
chain forward {
type filter hook forward priority filter; policy accept;
iifname != "hf0" oifname != "hf0" accept${HEAD}
iifname "hf0" oifname "hf0" drop
iifname "hf0" ip daddr 192.168.50.0/24 goto behind_ingress
iifname "hf0" ip6 daddr fd50::/64 goto behind_ingress
oifname "hf0" ip6 saddr fd50::/64 goto behind_egress
drop
}
}
table inet holdfast {
chain segments {
type filter hook forward priority mangle; policy accept;
iifname "hf0" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
oifname "hf0" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
}
chain nat_out {
type nat hook postrouting priority srcnat - 1; policy accept;
oifname != "hf0" ip saddr 10.77.0.0/24 ip daddr 192.168.50.0/24 masquerade
}
}
`

test('a router with an ordered and a standard policy', () => {
  assert.is(`\n${tablesOf('baaaaaaaaaaaaaaa', 1).replace(/^\t+/gm, '')}`, GOLDEN)
})

test('the same records in any order give the same text', () => {
  const text = tablesOf('caaaaaaaaaaaaaaa', 2)
  assert.is(text, tablesOf('caaaaaaaaaaaaaaa', 2))
  assert.not.ok(text.includes('nat_out'), 'only a router translates')
})

test('a node that the intent does not contain talks to nobody', () => {
  const text = tablesOf('zaaaaaaaaaaaaaaa', 9)
  assert.not.match(text, /saddr/)
  for (const direction of ['ingress', 'egress']) assert.ok(text.includes(`chain ${direction} {\n\t\tdrop\n\t}`))
})

test('who leads out counts by family what policy lets pass, and nobody else counts', () => {
  const spec = {
    nodes: { matchLabels: { role: 'till' } },
    via: { matchLabels: { role: 'gw' } },
    resolvers: ['9.9.9.9'],
  }
  const till = { name: 'till', labels: { role: 'till' } }
  const plain = fakeRecords({
    network: { cidr: '10.77.0.0/24' },
    nodes: [{ name: 'gw', labels: { role: 'gw' } }, till],
  })
  const leads = { ...plain, exits: [{ name: 'out' as Name, spec: parseWith(specs.Exit, spec) }] }
  const rulesetOf = (node: string, byte: number): string =>
    desire({ ...common, records: leads, self: node as NodeId, wgKey: fakeWgKey(byte) }).desired.ruleset
  const text = rulesetOf('baaaaaaaaaaaaaaa', 1)
  assert.match(text, /counter led_out4 \{ \}/)
  assert.match(text, /set led4 \{ type ipv4_addr; size 20000; flags dynamic,timeout; timeout 300s; \}/)
  assert.match(
    text,
    /iifname "hf0" oifname != "hf0" ip daddr @led_to4 counter name "led_out4" update @led4 \{ ip saddr \}/,
  )
  assert.match(text, /oifname "hf0" iifname != "hf0" ct direction reply ip saddr @led_to4 counter name "led_back4"/)
  assert.not.match(rulesetOf('caaaaaaaaaaaaaaa', 2), /led/)
})

test('where the interface is apart, the port is shared outside, by a table of the interface’s name', () => {
  const share = { listenPort: 51_820, controlPort: 51_821 }
  const input = { interface: 'hf-blue', mesh: [], forwards: [], share }
  const outer = outsideTableOf('hf-blue')
  const [inside, outside] = divideRuleset(renderRuleset({ ...input, outsideTable: outer }), outer)
  assert.is(inside, 'table inet holdfast {\n}\n')
  assert.is(outside, renderRuleset(input).replace('table inet holdfast {', `table inet ${outer} {`))
  assert.equal([...divideRuleset(inside, outer)], [inside, ''], 'nothing outside')
})

test.run()
