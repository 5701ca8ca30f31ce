// The seam between a relay and what carries its packets: the kernel, or a fake of it.

import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Family } from './sessions.ts'

export interface ForwardEnd {
  readonly source: Endpoint
  /** The relay's own address that this end knows. */
  readonly local: Address
}

/** One session as the kernel holds it. With one end only, that end's packets reach the relay's process. */
export interface Forward {
  readonly port: number
  readonly family: Family
  readonly nodes: readonly [NodeId, NodeId]
  readonly ends: readonly [ForwardEnd | undefined, ForwardEnd | undefined]
}

/** Packets from each end that were forwarded. */
export interface Carried {
  readonly packets: readonly [number, number]
  readonly bytes: readonly [number, number]
}

export interface Forwarder {
  /** IP versions that this host speaks. */
  readonly families: readonly Family[]
  /** Makes ready, and tells what an earlier process left running; that goes on undisturbed. */
  start(): Promise<readonly Forward[]>
  /** Resolves when the kernel does it; a later call for the same port may take its place. */
  set(forward: Forward): Promise<void>
  remove(port: number): Promise<void>
  carried(): Promise<ReadonlyMap<number, Carried>>
  /** Junk to the relay that the kernel dropped, packets. */
  dropped(): Promise<number>
  /** Takes everything out of the kernel. */
  cleanup(): Promise<void>
}
