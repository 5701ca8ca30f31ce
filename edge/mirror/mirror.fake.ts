// A kernel that copies what it is told to, and can be broken at will.

import type { HoldfastError } from '../../shared/errors.ts'
import type { MirrorDriver, MirrorWish } from './doors.ts'

export interface FakeMirror {
  /** What is in force; undefined where nothing is copied. */
  stands: MirrorWish | undefined
  /** Why nothing can be copied now. */
  fault: HoldfastError | undefined
  readonly driver: () => Promise<MirrorDriver>
}

export function createFakeMirror(): FakeMirror {
  const mirror: FakeMirror = {
    stands: undefined,
    fault: undefined,
    driver: async () => ({
      async keep(wish) {
        mirror.stands = undefined
        if (mirror.fault !== undefined) throw mirror.fault
        mirror.stands = wish
        return { copied: 7, spared: 0 }
      },
      async remove() {
        if (mirror.fault !== undefined) throw mirror.fault
        mirror.stands = undefined
      },
    }),
  }
  return mirror
}
