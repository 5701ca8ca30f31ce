// Writes to an API server: several at once, and not too many.

import { isHoldfastError } from '../../shared/errors.ts'

const WRITES_AT_ONCE = 8

/** Ends before the rest as soon as `goesOn` says no. */
export async function inTurns<T>(
  list: readonly T[],
  goesOn: () => boolean,
  run: (one: T) => Promise<void>,
): Promise<void> {
  const waiting = [...list]
  const worker = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined && goesOn(); one = waiting.shift()) await run(one)
  }
  await Promise.all(Array.from({ length: Math.min(WRITES_AT_ONCE, list.length) }, worker))
}

/** Neither is worth a word: the object moved on meanwhile, and its next event wakes us. */
export function isStale(error: unknown): boolean {
  return isHoldfastError(error, 'conflict') || isHoldfastError(error, 'not-found')
}

/** For what the next turn does again where it is still wanted. */
export async function unlessStale(write: Promise<void>): Promise<void> {
  try {
    await write
  } catch (error) {
    if (!isStale(error)) throw error
  }
}
