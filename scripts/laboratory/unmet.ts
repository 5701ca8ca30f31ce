// An expectation of a scenario that did not come true, as a person wants it told: what was expected, what was seen.

import { HoldfastError } from '../../shared/errors.ts'

export class Unmet extends HoldfastError {
  readonly expected: string
  readonly seen: string

  constructor(expected: string, seen: string) {
    super('failed', `expected ${expected}; saw ${seen}`)
    this.expected = expected
    this.seen = seen
  }
}

/** Throws `Unmet` unless `condition` holds. */
export function expect(condition: boolean, expected: string, seen: string): asserts condition {
  if (!condition) throw new Unmet(expected, seen)
}
