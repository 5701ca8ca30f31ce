// What asking a router needs of the host. The drivers' side is made by main.ts.

import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'

/** A default route of the host. */
export interface DefaultRoute {
  readonly interface: string
  readonly gateway: Address
  /** The lowest is preferred. */
  readonly metric: number
}

export interface Datagrams {
  /** What can't be sent is lost, as any datagram may be. */
  send(bytes: Uint8Array, to: Endpoint): void
  close(): void
}

export interface DatagramHandlers {
  readonly onMessage: (bytes: Uint8Array, from: Endpoint) => void
  /** Nobody listens there; only where the socket is for one place. */
  readonly onRefused?: () => void
}

export interface PageRequest {
  readonly local: Address
  readonly url: URL
  /** Absent: it is read. */
  readonly post?: { readonly headers: Readonly<Record<string, string>>; readonly body: string }
}

export interface Page {
  readonly status: number
  readonly body: string
}

export interface RouterDoors {
  /** A socket at `local`. With `only`, what comes from elsewhere never gets here. */
  open(local: Address, only: Endpoint | undefined, handlers: DatagramHandlers): Promise<Datagrams>
  /** Follows nobody elsewhere; bounded in bytes and time. Throws `unreachable`. */
  page(request: PageRequest, signal: AbortSignal): Promise<Page>
  /** Hears what routers call out to their LAN; undefined where the port for that can't be had. */
  listen(onMessage: (bytes: Uint8Array, from: Address) => void): Promise<Pick<Datagrams, 'close'> | undefined>
}
