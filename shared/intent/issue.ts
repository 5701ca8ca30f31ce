// What the schema library finds wrong, in the words of people who write YAML: what stands there, what is expected, and
// what to do.

import type * as v from 'valibot'
import { HoldfastError } from '../errors.ts'

/** Longer than any message worth reading; a message quotes its input, which may be a megabyte. */
const MESSAGE_CHARACTERS_MAX = 240

interface Told {
  readonly message: string
  readonly remedy?: string
}

/** The library's names of types. */
const types: Readonly<Record<string, Told>> = {
  string: { message: 'text', remedy: 'Write text; a number or a word such as true becomes text in quotes.' },
  number: { message: 'a number', remedy: 'Write a number, without quotes or a unit.' },
  boolean: { message: 'true or false', remedy: 'Write true or false, without quotes.' },
  Object: { message: 'an object', remedy: 'Write it as "key: value".' },
  Array: { message: 'a list', remedy: 'Write it as "- item", or as [item].' },
}

/** Bounds, by the library's name of the check. */
const bounds: Readonly<Record<string, (limit: string) => Told>> = {
  min_value: (limit) => ({ message: `at least ${limit} is expected`, remedy: `Use ${limit} or more.` }),
  max_value: (limit) => ({ message: `at most ${limit} is expected`, remedy: `Use ${limit} or less.` }),
  min_length: (limit) => ({ message: `a length of at least ${limit} is expected`, remedy: 'Add to it.' }),
  max_length: (limit) => ({ message: `a length of at most ${limit} is expected`, remedy: 'Shorten it.' }),
  integer: () => ({ message: 'a whole number is expected', remedy: 'Write it without a fraction.' }),
}

function shorten(text: string): string {
  return text.length > MESSAGE_CHARACTERS_MAX ? `${text.slice(0, MESSAGE_CHARACTERS_MAX)}…` : text
}

/** The words that a value may be one of: the library writes them as `"a"` or `("a" | "b")`. */
function choices(expected: string): readonly string[] {
  return [...expected.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1] ?? '')
}

function told(issue: v.BaseIssue<unknown>): Told {
  const { expected, message, received, type } = issue
  if (type === 'strict_object' && expected === 'never')
    return { message: 'is not a known field', remedy: 'Remove it, or look for a typing error.' }
  if (type === 'strict_object' && received === 'undefined') return { message: 'is missing', remedy: 'Add it.' }
  // Checks of our own say in their message how it should be written.
  if (!message.startsWith('Invalid ')) return { message }
  const was = `is ${shorten(received)}`
  const bound = bounds[type]?.((expected ?? '').replace(/^[<>=]+/, ''))
  if (bound !== undefined) return { ...bound, message: `${was}; ${bound.message}` }
  if (expected === null) return { message }
  const wanted = types[expected]
  if (wanted !== undefined) return { ...wanted, message: `${was} where ${wanted.message} is expected` }
  const words = choices(expected)
  return words.length === 0
    ? { message }
    : { message: `${was}, which is not known here`, remedy: `Use ${words.join(' or ')}.` }
}

/** The misfit as an `invalid` error that names the field. */
export function issueError(issue: v.BaseIssue<unknown>, path: string): HoldfastError {
  const { message, remedy } = told(issue)
  return new HoldfastError('invalid', shorten(message), {
    ...(path === '' ? {} : { field: path.replace(/\.(\d+)(?=\.|$)/g, '[$1]') }),
    ...(remedy === undefined ? {} : { remedy: shorten(remedy) }),
  })
}
