// What beacons need of the host: one socket per family at a port that all devices share.

import type { Address } from '../../shared/address/cidr.ts'
import type { BeaconLink } from './links.ts'

export interface BeaconSocket {
  /** Binds. False where the port can't be had. `from` bears the zone of a link-local address. */
  open(onMessage: (bytes: Uint8Array, from: string) => void): Promise<boolean>
  /** Listens and speaks on these links from now on. */
  setLinks(links: readonly BeaconLink[]): void
  /** To everybody on every link. What can't be sent is lost, as any datagram may be. */
  broadcast(bytes: Uint8Array): void
  send(bytes: Uint8Array, to: Address): void
  close(): Promise<void>
}
