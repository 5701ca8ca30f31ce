// Who speaks with whom in tests of the kernel's own programs of policy, under one policy, and what they send.

import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import type { Table } from '../../shared/policy/table.ts'
import { fakeWorld } from '../../shared/policy/world.fake.ts'
import type { World } from '../../shared/policy/world.ts'
import * as f from './frames.fake.ts'
import type { Packet } from './policy-rig.fake.ts'

export const [self, web, db] = ['10.77.0.1', '10.77.0.3', '10.77.0.2'].map(parseAddress) as [Address, Address, Address]
export const [self6, web6] = ['fd77::1', 'fd77::3'].map(parseAddress) as [Address, Address]

/** Node `a` lets web servers in at `port` and by ICMP, and goes out to port 443 of them. */
export function worldAt(port: number): World {
  const peer = { nodeSelector: { matchLabels: { role: 'web' } } }
  const only = {
    subject: { node: 'a' },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [peer], ports: [{ port }, { protocol: 'UDP', port }, { protocol: 'ICMP' }] }],
    egress: [{ to: [peer], ports: [{ port: 443 }, { protocol: 'ICMP' }] }],
  }
  return fakeWorld({ policies: { only } })
}

export function cookieOf({ cookies }: Table, direction: 'egress' | 'ingress', what: 'isolated' | 'rule'): string {
  const kind = what === 'rule' ? 'Standard only 0' : 'isolated only'
  return String(cookies.get(`${direction} ${kind}`))
}

export type Body = readonly [protocol: number, payload: Buffer]

export const inward = (from: Address, to: Address, [protocol, payload]: Body): Packet => [
  'in',
  f.frame({ from, to, protocol, payload }),
]
export const outward = (from: Address, to: Address, [protocol, payload]: Body): Packet => [
  'out',
  f.frame({ from, to, protocol, payload }),
]
export const TCP = (...words: Parameters<typeof f.tcp>): Body => [f.TCP, f.tcp(...words)]
export const UDP = (...words: Parameters<typeof f.udp>): Body => [f.UDP, f.udp(...words)]
