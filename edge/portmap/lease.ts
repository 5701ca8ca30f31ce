// What a router was asked for and what it gave: an outside port that leads to WireGuard's port on this host, for a while.

import * as v from 'valibot'
import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint } from '../../shared/address/endpoint.ts'
import { address, port } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'

/** The next hop of the preferred default route, and this host's address on the link to it. */
export interface Gateway {
  readonly interface: string
  readonly address: Address
  readonly local: Address
}

export const protocols = ['PCP', 'NAT-PMP', 'UPnP'] as const
export type Protocol = (typeof protocols)[number]

/** What must be remembered to renew a lease, to get the same port again after a restart, and to give it back. */
const memorySchema = v.strictObject({
  protocol: v.picklist(protocols),
  gateway: address,
  local: address,
  internalPort: port,
  externalPort: port,
  /** Of PCP, 12 bytes in base64: the router lets nobody else touch the mapping (RFC 6887 §11.1). */
  nonce: v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]{16}$/)),
  /** Where UPnP's service is. */
  control: v.optional(
    v.strictObject({
      url: v.pipe(v.string(), v.maxLength(2_048)),
      service: v.pipe(v.string(), v.maxLength(128)),
    }),
  ),
})
export type LeaseMemory = Readonly<v.InferOutput<typeof memorySchema>>

export interface Lease extends LeaseMemory {
  /** Absent where the router does not know its own outside address, or has none. */
  readonly external?: Address
  /** 0: until it is taken back. */
  readonly lifetimeS: number
  /** Seconds since the router began to count, and so since it forgot whatever it knew before; absent for UPnP. */
  readonly epochS?: number
}

export function parseLeaseMemory(json: string): LeaseMemory {
  return parseWith(memorySchema, JSON.parse(json))
}

export function formatLeaseMemory(lease: LeaseMemory): string {
  const { control, externalPort, gateway, internalPort, local, nonce, protocol } = lease
  return JSON.stringify({ protocol, gateway, local, internalPort, externalPort, nonce, control })
}

export function outsideEndpoint({ external, externalPort }: Lease): Endpoint | undefined {
  return external === undefined ? undefined : formatEndpoint(external, externalPort)
}

/** What is asked for. */
export interface Wish {
  readonly gateway: Gateway
  readonly internalPort: number
  /** Of an earlier lease, or WireGuard's own. */
  readonly externalPort: number
  readonly lifetimeS: number
  readonly nonce: string
  /** The lease that shall be renewed, or was held before a restart: its protocol is asked first. */
  readonly known?: LeaseMemory | undefined
}

export type Outcome =
  | { readonly type: 'granted'; readonly lease: Lease }
  /** `waitS`: the router asked for patience. */
  | { readonly type: 'refused'; readonly why: string; readonly waitS?: number }
  | { readonly type: 'silent' }

/** How the router stands to a lease now. */
export type Check =
  | { readonly type: 'alive'; readonly epochS?: number; readonly external?: Address }
  | { readonly type: 'lost' }
  | { readonly type: 'silent' }
