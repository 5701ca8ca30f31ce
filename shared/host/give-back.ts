// Gives memory back that only the start needed. V8 collects when it allocates, and a process at rest hardly does: what it held
// when it came to rest it would hold for hours.

import type { Clock } from '../effects.ts'

/** The first turns are done by then, and the first tries for the hub. */
const FIRST_MS = 15_000
/** Some 20 ms of work on a small processor: nothing in an hour. */
const AGAIN_MS = 3_600_000

type Collect = (options: { readonly type: 'major'; readonly execution: 'sync'; readonly flavor: 'last-resort' }) => void

/** Where V8 was started with --expose-gc; else it does nothing. */
export function giveBackMemory(clock: Clock): void {
  const { gc } = globalThis as unknown as { readonly gc?: Collect }
  if (gc === undefined) return
  const collect = (): void => {
    gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    clock.after(AGAIN_MS, collect)
  }
  clock.after(FIRST_MS, collect)
}
