// The policy that the fan-out benchmark changes: it concerns every node, and its port tells the changes apart.

import { type AnyResource, apiVersion, parseResource } from '../../shared/intent/resource.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'

/** Ports that no default rule mentions. */
const FIRST_PORT = 40_000

export function fleetNetwork(): AnyResource {
  return parseResource({ apiVersion, kind: 'Network', metadata: { name: 'default' }, spec: { cidr: '10.80.0.0/16' } })
}

export function fleetPolicy(change: number): AnyResource {
  const spec = {
    subject: { nodeSelector: {} },
    ingress: [{ from: [{ nodeSelector: {} }], ports: [{ protocol: 'TCP', port: FIRST_PORT + change }] }],
  }
  return parseResource({ apiVersion, kind: 'Policy', metadata: { name: 'fleet' }, spec })
}

/** Which change the policies carry; undefined for none. */
export function policyPort(policies: ParsedRecords['policies']): number | undefined {
  const ports = policies.flatMap(({ spec }) => (spec.ingress ?? []).flatMap((rule) => rule.ports))
  const found = ports.find(({ port }) => typeof port === 'number' && port > FIRST_PORT)?.port
  return typeof found === 'number' ? found - FIRST_PORT : undefined
}
