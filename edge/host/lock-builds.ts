// Held while a build is laid: two at once would lay their files among each other.

import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { lockState, type StateLock } from './lock.ts'
import type { HomeFiles } from './program-home.ts'

/** Throws `conflict` where somebody else lays one. */
export function lockBuilds({ lock }: Pick<HomeFiles, 'lock'>, log: Log): StateLock {
  try {
    return lockState(lock, log)
  } catch (cause) {
    throw new HoldfastError('conflict', 'another `holdfast update` is under way', {
      remedy: 'Wait for its end, then see `holdfast update --status`.',
      cause,
    })
  }
}
