// A call that nobody answers is given up: a machine that vanished leaves its connections open for a quarter of an hour.

import type { Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { ClusterStore } from './cluster-store.ts'

/** Rejects with `unreachable` after `mostMs`; the call may still be carried out. */
export function within<T>(clock: Clock, mostMs: number, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = new HoldfastError('unreachable', `the API server has not answered for ${mostMs / 1_000} s`)
    const timer = clock.after(mostMs, () => reject(late))
    call.then(resolve, reject).finally(() => timer.cancel())
  })
}

/** Longer than half a megabyte takes anywhere. */
const CALL_MS_MAX = 10_000

export function patientStore(store: ClusterStore, clock: Clock): ClusterStore {
  const soon = <T>(call: Promise<T>): Promise<T> => within(clock, CALL_MS_MAX, call)
  return {
    readLease: () => soon(store.readLease()),
    writeLease: (lease, over) => soon(store.writeLease(lease, over)),
    watchLease: (onChange) => store.watchLease(onChange),
    readHead: () => soon(store.readHead()),
    writeHead: (head, over) => soon(store.writeHead(head, over)),
    readPart: (name) => soon(store.readPart(name)),
    putPart: (name, bytes) => soon(store.putPart(name, bytes)),
    deletePart: (name) => soon(store.deletePart(name)),
    parts: () => soon(store.parts()),
    putEndpoint: (endpoint) => soon(store.putEndpoint(endpoint)),
  }
}
