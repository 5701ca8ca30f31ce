// Words of newer devices, read by older ones: what is not known here is passed over and can be named, what is known is
// checked as strictly as ever. For reports and facts alone; intent that people write is refused at the first unknown word.

import * as v from 'valibot'
import { unreadFieldsMax } from '../limits.ts'

const WORD = /^[a-z0-9][a-z0-9-]{0,63}$/

function isForeign(value: unknown, known: readonly string[]): boolean {
  return typeof value === 'string' && WORD.test(value) && !known.includes(value)
}

/** One of the words; `instead` for a word of another age. What is no word at all is refused. */
export function tolerantPick<const W extends string>(known: readonly W[], instead: W) {
  return v.pipe(
    v.unknown(),
    v.transform((value) => (isForeign(value, known) ? instead : value)),
    v.picklist(known),
  )
}

/** A list without the items whose `tag` is a word of another age. `max` counts those, too. */
export function tolerantList<S extends v.GenericSchema>(item: S, tag: string, known: readonly string[], max: number) {
  const isKnown = (one: unknown): boolean =>
    typeof one !== 'object' || one === null || !isForeign((one as Readonly<Record<string, unknown>>)[tag], known)
  return v.pipe(
    v.array(v.unknown()),
    v.maxLength(max),
    v.transform((list) => list.filter(isKnown)),
    v.array(item),
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function gather(input: unknown, output: unknown, path: string, found: Set<string>): void {
  if (found.size >= unreadFieldsMax) return
  if (Array.isArray(input)) {
    // Items may have been passed over: all of them are looked at with all keys that any of them kept.
    const kept: readonly unknown[] = Array.isArray(output) ? output.filter(isObject) : []
    if (kept.length === 0) {
      if (input.some(isObject)) found.add(`${path}[]`)
      return
    }
    const all: unknown = Object.assign({}, ...kept)
    for (const item of input) gather(item, all, `${path}[]`, found)
    return
  }
  if (!isObject(input) || !isObject(output)) return
  for (const [key, value] of Object.entries(input)) {
    const below = path === '' ? key : `${path}.${key}`
    if (key in output) gather(value, output[key], below, found)
    else if (found.size < unreadFieldsMax) found.add(below.slice(0, 80))
  }
}

/** Fields of `input` that a schema left out of `output`, as people write them; the first of them. */
export function unreadFields(input: unknown, output: unknown): readonly string[] {
  const found = new Set<string>()
  gather(input, output, '', found)
  return [...found]
}
