// The way out for TCP connections of this process, asked at each dial: where Holdfast goes by another uplink than the host, a
// connection has to bind to that uplink's address. Between who dials and who chooses, because neither knows the other.

import type { Address } from '../../shared/address/cidr.ts'

export interface OutBy {
  /** To bind to; as any program of the host where absent. */
  readonly local?: Address
  /** The host's address; name servers may be out of reach. */
  readonly address: string
}

/** Undefined: as any program of the host does. */
export type FindWayOut = (host: string, port: number) => Promise<OutBy | undefined>

export interface WayOut {
  readonly find: FindWayOut
  serve(find: FindWayOut): void
}

export function createWayOut(): WayOut {
  let current: FindWayOut | undefined
  return {
    find: async (host, port) => await current?.(host, port),
    serve: (find) => void (current = find),
  }
}
