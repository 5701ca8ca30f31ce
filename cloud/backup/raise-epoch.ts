// What a restore does to the networks, so that devices take the word of a hub that knows less than they do.

import type { HubStore } from '../store/hub-store.ts'

/** Raises the epoch of every network: after a restore, revisions that devices hold may be newer than the backup's. */
export function raiseEpoch(store: HubStore): void {
  store.transaction(() => {
    for (const network of store.networks()) store.putNetwork({ ...network, epoch: network.epoch + 1 })
  })
}
