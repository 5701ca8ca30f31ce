// A fleet and its policies as they are when both are large: 1,000 nodes that all differ, and 10,000 rules.

import { parseAddress } from '../../shared/address/cidr.ts'
import { parseName } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import type { Endpoint, World } from '../../shared/policy/world.ts'

const NODES = 1_000
const POLICIES = 500
const RULES = 20
export const sites = 100
const ROLES = ['till', 'camera', 'plc', 'gateway'] as const

export function nodeAt(index: number, site = index % sites): Endpoint {
  const role = ROLES[index % ROLES.length] ?? 'till'
  return {
    kind: 'node',
    name: `n${index}`,
    node: `n${index}`,
    labels: { role, site: `s${site}`, unit: `u${index}` },
    addresses: [
      parseAddress(`10.${1 + (index >> 8)}.${index & 255}.1`),
      parseAddress(`fd77::${(index + 1).toString(16)}`),
    ],
    ports: [],
  }
}

/** Every rule lets one site in at one port, from `firstPort` on; some name the block of a machine room with a hole in it. */
export function policyAt(index: number, firstPort = 1_000 + RULES * index): World['policies'][number] {
  const ingress = Array.from({ length: RULES }, (_, rule) => ({
    from: [
      { nodeSelector: { matchLabels: { site: `s${(index * RULES + rule) % sites}` } } },
      ...(rule === 0
        ? [{ ipBlock: { cidr: `192.168.${index % 256}.0/24`, except: [`192.168.${index % 256}.64/26`] } }]
        : []),
    ],
    ports: [{ port: firstPort + rule }, { protocol: 'UDP', port: 9_000, endPort: 9_000 + rule }],
  }))
  const order = index % 10 === 0 ? { tier: 'Admin', priority: index } : {}
  const spec = parseWith(specs.Policy, { ...order, subject: { nodeSelector: {} }, ingress })
  return { name: parseName(`p${index}`), spec }
}

/** TCP port of n0 at which nodes of the site of n1 are let in. */
export const openPort = 1_001

export function largeWorld(): World {
  return {
    defaultPolicy: 'Deny',
    services: [],
    endpoints: Array.from({ length: NODES }, (_, index) => nodeAt(index)),
    policies: Array.from({ length: POLICIES }, (_, index) => policyAt(index)),
  }
}
