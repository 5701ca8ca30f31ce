// A fault that is built into every agent of a run through the doors it is given from outside, so that the checks can be
// seen to fail: a check that finds nothing in a broken product finds nothing in a sound one either.

import type { Driver } from '../../edge/drivers/driver.ts'
import type { Store } from '../../edge/store/store.ts'
import type { Verify } from '../../shared/effects.ts'

export interface Sabotage {
  readonly verify?: Verify
  readonly driver?: (driver: Driver) => Driver
  readonly store?: (store: Store) => Store
}
