// What the schema library lets pass without a word: keys that every JavaScript object answers to, of which it drops some
// while a lookup by others finds what nobody wrote; and lists in place of objects, where an empty selector means everybody.

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

/** The path to the first list of `input` that became an object in `output`. */
function findList(input: unknown, output: unknown): string | undefined {
  // The same object: a part that the schema took as it is.
  if (input === output) return undefined
  if (typeof input !== 'object' || input === null || typeof output !== 'object' || output === null) return undefined
  const list = Array.isArray(input)
  if (list && !Array.isArray(output)) return ''
  for (const [key, item] of Object.entries(output)) {
    const below = findList((input as Readonly<Record<string, unknown>>)[key], item)
    if (below !== undefined) return `${list ? `[${key}]` : `.${key}`}${below}`
  }
  return undefined
}

/** Throws `invalid` where `output`, which a schema made of `input`, has an object for what was a list. */
export function refuseListsForObjects(input: unknown, output: unknown): void {
  const path = findList(input, output)
  if (path === undefined) return
  const field = path.replace(/^\./, '')
  throw new HoldfastError('invalid', 'is a list where an object is expected', {
    ...(field === '' ? {} : { field }),
    remedy: 'Write it as "key: value".',
  })
}
