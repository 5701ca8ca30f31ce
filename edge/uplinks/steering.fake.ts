// Rules and tables of a kernel that is made of maps: same manners as the real one.

import { HoldfastError } from '../../shared/errors.ts'
import type { SteeringDriver } from './doors.ts'
import { noSteering, type Steering } from './steering.ts'
import type { Family } from './uplink.ts'

export interface FakeSteering {
  readonly standing: Map<Family, Steering>
  /** How often something was changed. */
  changes: number
  /** The kernel has no policy routing. */
  refuses: boolean
  /** As a new process would make it. */
  driver(): SteeringDriver
}

export function createFakeSteering(): FakeSteering {
  const fake: FakeSteering = {
    standing: new Map(),
    changes: 0,
    refuses: false,
    driver: () => ({
      read: async (family) => fake.standing.get(family) ?? noSteering,
      async set(family, wanted) {
        if (fake.refuses) throw new HoldfastError('failed', 'Operation not supported')
        if (JSON.stringify(fake.standing.get(family) ?? noSteering) === JSON.stringify(wanted)) return
        fake.changes += 1
        fake.standing.set(family, wanted)
      },
      cleanup: async () => fake.standing.clear(),
    }),
  }
  return fake
}
