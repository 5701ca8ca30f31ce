// What people change while things break: policies, labels, routes, keepalives, a node cut off and let back.

import type { Entropy } from '../../shared/effects.ts'
import { type AnyResource, apiVersion, type Kind, parseResource } from '../../shared/intent/resource.ts'

function resource(kind: Kind, name: string, spec: unknown): AnyResource {
  return parseResource({ apiVersion, kind, metadata: { name }, spec })
}

/** A network with such a keepalive cuts each node off from its machine: a slip that has to be taken back. */
export const poisonKeepaliveS = 45

export function networkIntent(keepalive = 25): AnyResource {
  return resource('Network', 'default', { cidr: '10.77.0.0/24', cidr6: 'fd77::/64', keepalive })
}

/** Another revision, whatever there was before. */
export function lastIntent(): AnyResource {
  return resource('Policy', 'last', { subject: { nodeSelector: {} }, ingress: [{ ports: [{ protocol: 'ICMP' }] }] })
}

export type IntentChange =
  | { readonly verb: 'put'; readonly resource: AnyResource }
  | { readonly verb: 'delete'; readonly kind: Kind; readonly name: string }

const ROLES = ['camera', 'gateway', 'press'] as const
const POLICIES = 4

const CANARY = 'canary'
export const withoutCanary = { verb: 'delete', kind: 'Canary', name: CANARY } as const satisfies IntentChange

/** One change, as somebody at a keyboard would make it. */
export function randomIntent(entropy: Entropy, nodes: readonly string[]): IntentChange {
  const number = (below: number): number => Math.floor(entropy.fraction() * below)
  const role = (): string => ROLES[number(ROLES.length)] ?? 'camera'
  const policy = `policy-${number(POLICIES)}`
  const node = nodes[number(nodes.length)] ?? ''
  const choice = entropy.fraction()
  if (choice < 0.45) {
    const spec = {
      subject: { nodeSelector: { matchLabels: { role: role() } } },
      ingress: [
        {
          from: [{ nodeSelector: { matchLabels: { role: role() } } }],
          ports: [{ protocol: 'TCP', port: 1 + number(65_535) }],
        },
      ],
    }
    return { verb: 'put', resource: resource('Policy', policy, spec) }
  }
  if (choice < 0.6) return { verb: 'delete', kind: 'Policy', name: policy }
  if (choice < 0.8) return { verb: 'put', resource: resource('Node', node, { labels: { role: role() } }) }
  if (choice < 0.9) {
    return {
      verb: 'put',
      resource: resource('Node', node, { labels: { role: role() }, disabled: entropy.fraction() < 0.5 }),
    }
  }
  if (choice < 0.96) return { verb: 'put', resource: networkIntent(15 + number(40)) }
  if (choice < 0.98) return withoutCanary
  return { verb: 'put', resource: resource('Canary', CANARY, { percent: 20 + number(60) }) }
}
