// What people change while things break: policies, labels, routes, keepalives, a node cut off and let back.

import type { Entropy } from '../../shared/effects.ts'
import { type AnyResource, apiVersion, type Kind, parseResource } from '../../shared/intent/resource.ts'

function resource(kind: Kind, name: string, spec: unknown): AnyResource {
  return parseResource({ apiVersion, kind, metadata: { name }, spec })
}

export function networkIntent(keepalive = 25): AnyResource {
  return resource('Network', 'default', { cidr: '10.77.0.0/24', cidr6: 'fd77::/64', keepalive })
}

export type IntentChange =
  | { readonly verb: 'put'; readonly resource: AnyResource }
  | { readonly verb: 'delete'; readonly kind: Kind; readonly name: string }

const ROLES = ['camera', 'gateway', 'press'] as const
const POLICIES = 4

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
  return { verb: 'put', resource: networkIntent(15 + number(40)) }
}
