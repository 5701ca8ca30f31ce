// A host that goes out by others: what stands in its kernel for that, as data.

import type { Address } from '../../shared/address/cidr.ts'

/** Of the host's own words: to whom, besides those that leave the own UDP ports. */
export interface OwnContact {
  readonly protocol: 'tcp' | 'udp'
  readonly address: Address
  readonly port: number
}

export interface OwnWords {
  /** UDP ports that WireGuard and the path engine send from. */
  readonly ports: readonly number[]
  readonly contacts: readonly OwnContact[]
}

export interface ExitRule {
  readonly family: 4 | 6
  /** As `ip rule add` takes it, in one form, so that equal rules are equal text. */
  readonly text: string
}

export interface ExitRoute {
  readonly family: 4 | 6
  readonly source: Address
}

export interface ExitSetup {
  readonly interface: string
  /** In the order of their priorities. */
  readonly rules: readonly ExitRule[]
  /** Default routes into the mesh, in the table of exits. */
  readonly routes: readonly ExitRoute[]
  readonly ruleset: string
  /** It refuses what would leave otherwise, and does so from power-on. */
  readonly closes: boolean
}

export function sameExit(a: ExitSetup | undefined, b: ExitSetup | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
