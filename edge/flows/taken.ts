// What the hub takes of records beyond what every hub does, noted among the agent's state: a record is one chain, so that a batch
// with a word that the hub does not know would hold up all behind it. A hub that was never heard takes nothing beyond; what it
// said last holds while it is away.

import { compareText } from '../../shared/bytes.ts'
import type { Store } from '../store/store.ts'

export interface Taken {
  has(field: string): boolean
  /** It said so once, if only that there is nothing. */
  isHeard(): boolean
  /** As the hub said just now. */
  note(fields: readonly string[]): void
}

const KEY = 'flow-fields-taken'

export function createTaken(store: Pick<Store, 'get' | 'set'>, write: (run: () => void) => void): Taken {
  let noted: string | undefined
  const known = (): string | undefined => (noted ??= store.get(KEY))
  return {
    has: (field) => known()?.split(' ').includes(field) === true,
    isHeard: () => known() !== undefined,
    note(fields) {
      const next = [...fields].sort(compareText).join(' ')
      if (next === known()) return
      noted = next
      write(() => store.set(KEY, next))
    },
  }
}
