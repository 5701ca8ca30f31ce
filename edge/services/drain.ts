// This device leaves its services and routes, because people on it say so: it tells the others in its own fact, so that it needs
// no hub, and keeps it over restarts until people take it back.

import { HoldfastError } from '../../shared/errors.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Store } from '../store/store.ts'

export interface DrainReport {
  readonly drains: boolean
}

export interface Drain {
  isOn(): boolean
  /** Throws `failed` where it can't be kept: after a restart nobody would know of it. */
  set(on: boolean): DrainReport
  /** It is about to go, for good or until it is started again: said, and not kept. Taken back as the other is. */
  go(): DrainReport
}

const KEY = 'drain'

export function createDrain(
  store: Pick<Store, 'get' | 'set'>,
  keep: Pick<Keepsakes, 'attempt' | 'journal' | 'write'>,
  onChange: () => void,
): Drain {
  let [on, goes] = [false, false]
  keep.attempt('whether it drains', () => {
    on = store.get(KEY) === 'on'
  })
  return {
    isOn: () => on || goes,
    go() {
      if (!goes) keep.journal('goes', '')
      goes = true
      onChange()
      return { drains: true }
    },
    set(wanted) {
      if (wanted === on && !(goes && !wanted)) return { drains: on }
      if (wanted !== on && !keep.write('keep that it drains', () => store.set(KEY, wanted ? 'on' : 'off'))) {
        throw new HoldfastError('failed', 'the disk takes no writes: a restart would undo it', {
          remedy: 'Make room on the disk, or stop what serves.',
        })
      }
      on = wanted
      if (!wanted) goes = false
      keep.journal(on ? 'drains' : 'drains-no-more', '')
      onChange()
      return { drains: on }
    },
  }
}
