// The policy that the fan-out benchmark changes: it concerns every node, and its port tells the changes apart.

import { type AnyResource, apiVersion, parseResource } from '../../shared/intent/resource.ts'
import type { Table } from '../../shared/policy/table.ts'

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

/** Which change a table carries; undefined for none. */
export function policyPort({ cells }: Table): number | undefined {
  for (const cell of cells.values()) {
    for (const { port } of cell) if (port > FIRST_PORT && port < FIRST_PORT + 1_000) return port - FIRST_PORT
  }
  return undefined
}
