// The text of policy, word for word, where it is more than that of a lone node: pods behind it, blocks within blocks, and what
// lapses by itself.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address, Cidr } from '../../shared/address/cidr.ts'
import { compileTable } from '../../shared/policy/compile.ts'
import { type FakeWorld, fakeWorld } from '../../shared/policy/world.fake.ts'
import type { Enforcement, Phase } from './enforcement.ts'
import { sameEnforcement } from './enforcement.ts'
import { renderPolicy } from './nft-policy.ts'

const shop: FakeWorld = {
  network: { defaultPolicy: 'Allow' },
  namespaces: { shop: {} },
  pods: [
    { namespace: 'shop', name: 'web', labels: { app: 'web' }, addresses: ['10.42.0.1', 'fd42::1'] },
    { namespace: 'shop', name: 'web-2', labels: { app: 'web' }, addresses: ['10.42.0.2'] },
    { namespace: 'shop', name: 'db', labels: { app: 'db' }, addresses: ['10.42.0.3'] },
  ],
  policies: {
    'db-from-web': {
      subject: { namespaceSelector: {}, podSelector: { matchLabels: { app: 'db' } } },
      ingress: [
        { from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 5432 }] },
      ],
    },
    'not-from-there': {
      tier: 'Admin',
      action: 'Deny',
      subject: { nodeSelector: {} },
      ingress: [
        { from: [{ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.64/26'] } }], ports: [{ protocol: 'UDP' }] },
      ],
    },
  },
}

function phase(world: FakeWorld, untilS?: number): Phase {
  const { table } = compileTable(fakeWorld(world), 'a')
  return untilS === undefined ? { table } : { table, untilS }
}

function enforcement(...phases: readonly Phase[]): Enforcement {
  const forwards = [{ destination: '10.42.0.0/24' as Cidr, nat: 'none' as const }]
  return { interface: 'hf0', meshPort: 51_822, self: '10.77.0.1' as Address, phases, forwards }
}

/** Without the chains that are the same for all. */
function decisions(policy: Enforcement): string {
  const text = renderPolicy(policy)
  return `\n${text.slice(0, text.indexOf('\tchain input')).replace(/^\t+/gm, '')}`
}

const PODS = `
table inet holdfast_policy {
chain cell_0 {
meta l4proto udp drop
accept
}
chain cell_1 {
tcp dport 5432 accept
drop
}
chain way_0 {
ip saddr vmap { 192.0.2.0-192.0.2.63 : goto cell_0, 192.0.2.128-192.0.2.255 : goto cell_0 }
accept
}
chain way_1 {
ip saddr 10.42.0.1-10.42.0.2 goto cell_1
ip6 saddr fd42::1 goto cell_1
drop
}
chain way_2 {
ip daddr vmap { 10.42.0.1-10.42.0.2 : accept, 10.42.0.3 : goto way_1 }
ip6 daddr fd42::1 accept
goto way_0
}
chain ingress {
goto way_0
}
chain behind_ingress {
goto way_2
}
chain egress {
accept
}
chain behind_egress {
accept
}
`

test('pods judge by themselves, and the node for itself and for whoever else is behind it', () => {
  assert.is(decisions(enforcement(phase(shop))), PODS)
})

test('pods of a mapped block are judged at the addresses that they have behind the mapping', () => {
  const destination = '10.50.0.0/24' as Cidr
  const forwards = [{ destination, nat: 'netmap' as const, mapTo: '10.42.0.0/24' as Cidr }]
  const text = renderPolicy({ ...enforcement(phase(shop)), forwards })
  assert.match(text, 'ip daddr vmap { 10.50.0.1-10.50.0.2 : accept, 10.50.0.3 : goto way_1 }')
  assert.match(text, 'ip saddr 10.42.0.1-10.42.0.2 goto cell_1')
  assert.match(text, 'iifname "hf0" ct original ip daddr 10.42.0.0/24 goto behind_ingress')
  assert.match(text, 'oifname "hf0" ip saddr 10.50.0.0/24 goto behind_egress')
})

const PHASES = `
table inet holdfast_policy {
chain cell_0 {
tcp dport 22 accept
drop
}
chain ingress {
meta time < 1700000000 goto cell_0
drop
}
chain behind_ingress {
meta time < 1700000000 goto cell_0
drop
}
chain egress {
meta time < 1700000000 accept
accept
}
chain behind_egress {
meta time < 1700000000 accept
accept
}
`

test('what holds for a while ends by itself', () => {
  const open = { policies: { ssh: { subject: { nodeSelector: {} }, ingress: [{ ports: [{ port: 22 }] }] } } }
  assert.is(decisions(enforcement(phase(open, 1_700_000_000), phase({}))), PHASES)
})

test('whoever comes from outside by an address of the node is judged as the node, and what is behind it as ever', () => {
  const mesh = ['10.77.0.0/16', 'fd77::/64'] as Cidr[]
  const own = enforcement(phase(shop))
  const lines = renderPolicy({ ...own, publishes: mesh }).split('\n')
  const at = (part: string): number => lines.findIndex((line) => line.includes(part))
  const first = at('oifname "hf0" ct status dnat ct original ip daddr != 10.77.0.0/16 goto egress')
  // A pod that asks for a service of its cluster, which leads it into the mesh, stays a pod.
  assert.ok(first > at('goto behind_egress') && at('goto behind_egress') !== -1)
  assert.ok(at('oifname "hf0" ct status dnat ct original ip6 daddr != fd77::/64 goto egress') !== -1)
  assert.not(sameEnforcement(own, { ...own, publishes: mesh }))
  assert.not.match(renderPolicy(own), /ct status dnat/)
})

test('the same policies are the same, however they came about; others are others', () => {
  const policy = enforcement(phase(shop, 5), phase({}))
  assert.ok(sameEnforcement(policy, enforcement(phase(shop, 5), phase({}))))
  assert.not(sameEnforcement(policy, enforcement(phase(shop, 6), phase({}))))
  assert.not(sameEnforcement(policy, enforcement(phase(shop, 5), phase(shop))))
  assert.not(sameEnforcement(policy, enforcement(phase(shop, 5))))
  assert.not(sameEnforcement(policy, { ...policy, meshPort: 1 }))
  assert.not(sameEnforcement(policy, { ...policy, forwards: [] }))
  const relabelled = { ...shop, pods: (shop.pods ?? []).slice(0, 2) }
  assert.not(sameEnforcement(policy, enforcement(phase(relabelled, 5), phase({}))))
})

test.run()
