// Calls on a list of things, some at once.

import { stateCallsAtOnceMax } from './state-limits.ts'

/** Fails with the first that fails; what was begun by then goes on. */
export async function inTurns<T>(list: readonly T[], run: (one: T) => Promise<unknown>): Promise<void> {
  const waiting = [...list]
  const worker = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await run(one)
  }
  await Promise.all(Array.from({ length: Math.min(stateCallsAtOnceMax, list.length) }, worker))
}
