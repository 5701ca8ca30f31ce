// What people on the device may ask of the mirror.

import type { Mirror, MirrorEnd, MirrorOrder, MirrorView } from './order.ts'

/** Copies of the mesh's traffic for somebody to look into. */
export interface AgentMirror {
  view(): MirrorView | undefined
  /** Takes the place of a former one. Throws where copies can't or must not go there. */
  start(order: MirrorOrder): Promise<MirrorAnswer>
  /** Throws `not-found` where there is none. */
  stop(end: MirrorEnd): Promise<MirrorAnswer>
}

export interface MirrorAnswer {
  /** As it is now, or as it was. */
  readonly mirror: Mirror | MirrorView
  /** What people easily overlook about it. */
  readonly warnings: readonly string[]
}
