// No cluster at all, for tests of the rest of the hub.

import { HoldfastError } from '../../shared/errors.ts'
import type { Clusters } from './clusters.ts'

function none(): never {
  throw new HoldfastError('not-found', 'there is no such cluster')
}

/** @testonly */
export const noClusters: Clusters = {
  start: () => undefined,
  stop: async () => undefined,
  list: () => [],
  nodes: () => [],
  add: none,
  set: async () => none(),
  rekey: async () => none(),
  remove: async () => none(),
  challenge: () => new Uint8Array(56),
  renew: async () => none(),
}
