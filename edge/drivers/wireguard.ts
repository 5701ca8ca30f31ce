// The WireGuard device, whichever implements it: the kernel through `wg`, or wireguard-go through its own socket.

import { type Endpoint, parseEndpoint } from '../../shared/address/endpoint.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { ObservedDevice } from '../plan/observed.ts'
import type { OpOf } from '../plan/op.ts'

export type PeerOp = OpOf<'peer-set'> | OpOf<'peer-remove'>

export interface WireguardDevice {
  /** Undefined where there is no such device. */
  read(): Promise<ObservedDevice | undefined>
  set(listenPort: number, wgKey: WgKey): Promise<void>
  /** All in one go; throws if any of them fails. */
  setPeers(ops: readonly PeerOp[]): Promise<void>
}

/** Nothing for what can't be an endpoint of ours: `(none)`, or a link-local address with its zone, where a peer roamed. */
export function endpointOrNone(text: string): { readonly endpoint?: Endpoint } {
  try {
    return { endpoint: parseEndpoint(text) }
  } catch {
    return {}
  }
}
