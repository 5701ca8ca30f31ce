// The name of the interface that the agent made, kept for `holdfast leave`: it has to clean up what a flag of the agent's
// unit named, and nobody types that flag again.

import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { Store } from '../store/store.ts'

const KEY = 'interface'

export function keepInterfaceName(store: Pick<Store, 'set'>, name: string, log: Log): void {
  try {
    store.set(KEY, name)
  } catch (error) {
    log.warn('the name of the interface cannot be kept', { why: describeError(error) })
  }
}

export function keptInterfaceName(store: Pick<Store, 'get'>): string | undefined {
  return store.get(KEY)
}
