// Points WireGuard's peers at endpoints, one call at a time and the last word for each, and sends a packet through the
// tunnel behind it, so that the peer's WireGuard follows.

import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { WireguardDoor } from './doors.ts'

export interface Pointing {
  readonly wgKey: WgKey
  readonly endpoint: Endpoint
  /** A mesh address of the peer to send the packet to; absent where none is worth a handshake. */
  readonly nudge?: Address | undefined
  /** The endpoint before, where it still works. */
  readonly leaves?: Endpoint | undefined
}

export interface Pointer {
  point(wish: Pointing): void
  /** The peer is gone. */
  forget(wgKey: WgKey): void
}

export function createPointer(
  wireguard: Pick<WireguardDoor, 'cover' | 'point'>,
  nudge: (address: Address) => void,
  log: Log,
): Pointer {
  const pending = new Map<WgKey, Pointing>()
  let busy = false

  const cover = async ({ endpoint, leaves }: Pointing): Promise<void> => {
    if (leaves === undefined) return
    try {
      await wireguard.cover(leaves, endpoint)
    } catch (error) {
      // The peer is turned all the same; with traffic under way it may take another try.
      log.debug('a turn without cover', { why: describeError(error) })
    }
  }

  const work = async (): Promise<void> => {
    if (busy) return
    busy = true
    while (pending.size > 0) {
      const batch = [...pending.values()]
      pending.clear()
      await Promise.all(batch.map(cover))
      try {
        await wireguard.point(new Map(batch.map(({ endpoint, wgKey }) => [wgKey, endpoint])))
        for (const { nudge: address } of batch) if (address !== undefined) nudge(address)
      } catch (error) {
        // The interface may just be made anew: then the next turn sets what was chosen.
        log.warn('WireGuard took no endpoint', { why: describeError(error) })
      }
    }
    busy = false
  }

  return {
    point(wish) {
      pending.set(wish.wgKey, wish)
      void work()
    },
    forget: (wgKey) => void pending.delete(wgKey),
  }
}
