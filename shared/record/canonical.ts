// Canonical JSON: the one byte form that is hashed and signed.
//
// It is JSON (RFC 8259) in UTF-8 with object keys sorted by UTF-16 code unit, no white space, strings escaped as
// JSON.stringify does, integers within ±(2^53 − 1) in plain decimal, no other numbers. Close to RFC 8785, minus floats.
// A member whose value is undefined is left out. Parsing accepts canonical bytes only, so one value has one form.

import { compareText, fromUtf8, utf8 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { canonicalDepthMax } from '../limits.ts'

export type Canonical = null | boolean | number | string | readonly Canonical[] | { readonly [key: string]: Canonical }

function write(value: unknown, depth: number): string {
  if (depth > canonicalDepthMax) throw new HoldfastError('too-large', `value nests deeper than ${canonicalDepthMax}`)
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new HoldfastError('invalid', 'string has a lone surrogate')
      return JSON.stringify(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      if (!Number.isSafeInteger(value)) throw new HoldfastError('invalid', `${value} is not a safe integer`)
      return String(value === 0 ? 0 : value)
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? writeList(value, depth) : writeObject(value, depth)
    default:
      throw new HoldfastError('invalid', `a ${typeof value} has no canonical form`)
  }
}

function writeList(list: readonly unknown[], depth: number): string {
  // Not `map`, which passes over holes.
  return `[${Array.from(list, (item) => write(item, depth + 1)).join(',')}]`
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    // A Map or bytes would be written as an object that lacks what they hold.
    throw new HoldfastError('invalid', 'an object of a class has no canonical form')
  }
  const members = Object.entries(value).filter((entry) => entry[1] !== undefined)
  members.sort((a, b) => compareText(a[0], b[0]))
  return `{${members.map(([key, item]) => `${write(key, depth + 1)}:${write(item, depth + 1)}`).join(',')}}`
}

export function encodeCanonicalText(value: unknown): string {
  return write(value, 0)
}

export function encodeCanonical(value: unknown): Uint8Array {
  return utf8(write(value, 0))
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Throws where brackets nest too deep, before JSON.parse spends a hundred bytes of memory on each of them. */
function checkDepth(bytes: Uint8Array): void {
  let depth = 0
  let quoted = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) quoted = !quoted
    else if (quoted) {
      if (byte === BACKSLASH) i++
    } else if (byte === 0x5b || byte === 0x7b) depth++
    else if (byte === 0x5d || byte === 0x7d) depth--
    if (depth > canonicalDepthMax + 1) {
      throw new HoldfastError('too-large', `document nests deeper than ${canonicalDepthMax}`)
    }
  }
}

/** Parses bytes of at most `bytesMax`; throws `invalid` unless they are canonical to the last byte. */
export function parseCanonical(bytes: Uint8Array, bytesMax: number): Canonical {
  if (bytes.length > bytesMax) {
    throw new HoldfastError('too-large', `document has ${bytes.length} bytes, at most ${bytesMax} are accepted`)
  }
  checkDepth(bytes)
  const text = fromUtf8(bytes)
  let value: Canonical
  try {
    value = JSON.parse(text) as Canonical
  } catch (cause) {
    throw new HoldfastError('invalid', 'not JSON', { cause })
  }
  if (write(value, 0) !== text) throw new HoldfastError('invalid', 'JSON is not in canonical form')
  return value
}
