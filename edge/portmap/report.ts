// The port mapping as programs and people see it. Pure.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, hostOf } from '../../shared/address/endpoint.ts'
import { isPublic } from '../../shared/address/scope.ts'
import type { KeeperState } from './keeper.ts'
import { outsideEndpoint, type Protocol } from './lease.ts'

export interface PortMappingReport {
  /** `unneeded`: nothing stands in front of this node, or people forwarded a port to it. */
  readonly state: 'off' | 'unneeded' | 'no-gateway' | 'asking' | 'not-offered' | 'held'
  readonly gateway?: Address
  readonly protocol?: Protocol
  readonly outside?: Endpoint
  /** As granted; 0: until it is given back. */
  readonly lifetimeS?: number
  /** The router's reason. */
  readonly why?: string
  /** Another NAT stands in front of the router: its outside address is `private`, or `differs` from what others see. */
  readonly doubleNat?: 'private' | 'differs'
}

/** `seen`: the addresses others see this node come from. */
function doubleNatOf(outside: Endpoint, seen: readonly string[]): PortMappingReport['doubleNat'] {
  const host = hostOf(outside) as Address
  if (!isPublic(host)) return 'private'
  const comparable = seen.filter((one) => one.includes(':') === host.includes(':'))
  return comparable.length === 0 || comparable.includes(host) ? undefined : 'differs'
}

export function portMappingReport(state: KeeperState, seen: readonly string[]): PortMappingReport {
  if (state.type === 'no-gateway') return { state: state.type }
  const gateway = state.gateway.address
  if (state.type === 'asking') return { state: state.type, gateway }
  if (state.type === 'not-offered') {
    return { state: state.type, gateway, ...(state.why === undefined ? {} : { why: state.why }) }
  }
  const { lifetimeS, protocol } = state.lease
  const outside = outsideEndpoint(state.lease)
  const held = { state: state.type, gateway, protocol, lifetimeS } as const
  if (outside === undefined) return held
  const doubleNat = doubleNatOf(outside, seen)
  return { ...held, outside, ...(doubleNat === undefined ? {} : { doubleNat }) }
}
