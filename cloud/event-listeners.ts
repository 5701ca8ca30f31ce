// Who is told of what happens in the hub: one that fails stops neither the change nor the others.

import type { Log } from '../shared/effects.ts'
import { describeError } from '../shared/errors.ts'
import type { HubEvent } from './hub.ts'

export interface Listeners {
  emit(event: HubEvent): void
  watch(listener: (event: HubEvent) => void): () => void
}

export function createListeners(log: Log): Listeners {
  const listeners = new Set<(event: HubEvent) => void>()
  return {
    emit(event) {
      for (const listener of listeners) {
        try {
          listener(event)
        } catch (error) {
          // A watcher that fails must not stop the change it was told of half-way.
          log.error('a listener of the hub failed', { reason: describeError(error) })
        }
      }
    },
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
