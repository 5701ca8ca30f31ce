// What people on the device may ask of overrides.

import type { OverrideView } from '../../shared/override/report.ts'
import type { OverrideBook, OverrideOrder } from './book.ts'

export interface AgentOverrides extends Pick<OverrideBook, 'views' | 'restore'> {
  /** Throws `invalid` where it would change nothing here, `forbidden` where this node is no member. */
  set(order: OverrideOrder): OverrideAnswer
}

export interface OverrideAnswer {
  readonly override: OverrideView
  /** What people easily overlook about it. */
  readonly warnings: readonly string[]
}
