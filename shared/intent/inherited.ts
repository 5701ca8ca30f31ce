// Keys that every JavaScript object answers to. The schema library passes over some of them without a word, and a
// lookup by such a key finds what nobody wrote; so no document may have them.

import { HoldfastError } from '../errors.ts'
import { canonicalDepthMax } from '../limits.ts'

function isRefused(key: string): boolean {
  return key in Object.prototype || key === 'prototype'
}

/** The path to the first such key below `value`, as a person writes it; undefined if there is none. */
function find(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (depth > canonicalDepthMax) throw new HoldfastError('too-large', `value nests deeper than ${canonicalDepthMax}`)
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const below = find(item, depth + 1)
      if (below !== undefined) return `[${index}]${below}`
    }
    return undefined
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return undefined
  for (const [key, item] of Object.entries(value)) {
    const below = isRefused(key) ? '' : find(item, depth + 1)
    if (below !== undefined) return `.${key}${below}`
  }
  return undefined
}

/** Throws `invalid` where a key below `input` is one of them, `too-large` where it nests deeper than any of ours. */
export function refuseInheritedKeys(input: unknown): void {
  const path = find(input, 0)
  if (path === undefined) return
  throw new HoldfastError('invalid', 'is a word that cannot be a key', {
    field: path.replace(/^\./, ''),
    remedy: 'Choose another word.',
  })
}
