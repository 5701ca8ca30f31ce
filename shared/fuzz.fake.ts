// Hostile input for parsers of outside bytes: noise, and valid bytes with a few things wrong.

import * as fc from 'fast-check'
import { concat } from './bytes.ts'
import { HoldfastError } from './errors.ts'

type Damage = (bytes: Uint8Array) => Uint8Array

const damage: fc.Arbitrary<Damage> = fc
  .record({ at: fc.double({ min: 0, max: 1, noNaN: true }), kind: fc.nat(4), noise: fc.uint8Array({ maxLength: 8 }) })
  .map(({ at, kind, noise }) => (bytes) => {
    const place = Math.floor(at * bytes.length)
    const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)]
    switch (kind) {
      case 0: // cut off
        return head
      case 1: // overwritten
        return concat(head, noise, tail.subarray(noise.length))
      case 2: // something in between
        return concat(head, noise, tail)
      case 3: // a part twice
        return concat(head, tail.subarray(0, 16), tail)
      default: // a part missing
        return concat(head, tail.subarray(noise.length))
    }
  })

/** Any scalar value of Unicode, in any order. fast-check's own unit of the kind makes a table of all of them first. */
export const anyText: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10_ff_ff })), { maxLength: 12 })
  .map((points) => String.fromCodePoint(...points))

/** Noise, and `valid` with up to three damages. */
export function hostileBytes(valid: Uint8Array): fc.Arbitrary<Uint8Array> {
  const damaged = fc
    .array(damage, { minLength: 1, maxLength: 3 })
    .map((list) => list.reduce((bytes, one) => one(bytes), valid))
  return fc.oneof({ arbitrary: damaged, weight: 4 }, { arbitrary: fc.uint8Array({ maxLength: 200 }), weight: 1 })
}

/** As `hostileBytes`, as text; damage in the middle of a character becomes U+FFFD. */
export function hostileText(valid: string): fc.Arbitrary<string> {
  return hostileBytes(new TextEncoder().encode(valid)).map((bytes) => new TextDecoder().decode(bytes))
}

/** The result, or the HoldfastError that `parse` threw; anything else thrown is a defect and goes on. */
export function attempt<T>(parse: () => T): T | HoldfastError {
  try {
    return parse()
  } catch (error) {
    if (error instanceof HoldfastError) return error
    throw error
  }
}

/** Asserts that hostile input never makes `parse` throw anything but a HoldfastError. */
export function refusesPolitely<T>(input: fc.Arbitrary<T>, parse: (input: T) => unknown, numRuns = 500): void {
  fc.assert(
    fc.property(input, (one) => void attempt(() => parse(one))),
    { numRuns },
  )
}

/** What `run` throws, which has to be a HoldfastError. */
export function faultOf(run: () => unknown): HoldfastError {
  const result = attempt(run)
  if (result instanceof HoldfastError) return result
  throw new HoldfastError('failed', 'nothing was thrown where an error was due')
}
