// The seam between policy and the kernel: one way of enforcing, beside which there may be others.

import type { Enforcement } from '../plan/enforcement.ts'

export interface PolicyDriver {
  readonly name: 'bpf' | 'nft'
  /** What the kernel is known to enforce; undefined where it is missing, foreign, or was changed by others. */
  read(): Promise<Enforcement | undefined>
  /** Takes the place of what is there in one step: no packet is decided by half of it. Where it fails, what was there stays. */
  load(policy: Enforcement): Promise<void>
  /** Leaves no trace, also where there is none. */
  remove(): Promise<void>
}
