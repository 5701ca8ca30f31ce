// What decides about packets of the mesh on this device, whichever way the kernel is told: the input of every policy driver.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { NodeRules } from '../../shared/policy/rules.ts'

/** A subnet this node routes for others. */
export interface Forward {
  readonly destination: Cidr
  readonly nat: 'none' | 'masquerade'
}

export interface Enforcement {
  readonly interface: string
  /** UDP and TCP port inside the mesh for the agent's own words; no policy can close it. */
  readonly meshPort: number
  readonly rules: NodeRules
  /** Subnets this node stands for: what goes into them meets its ingress, what comes out of them its egress. */
  readonly forwards: readonly Forward[]
}

/** Both mean the same to the kernel. */
export function sameEnforcement(a: Enforcement, b: Enforcement): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
