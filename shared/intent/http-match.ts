// Which requests of HTTP are meant, besides by their host: as the Gateway API has it.

import * as v from 'valibot'
import { compareText } from '../bytes.ts'
import { areOnce, headerName, headerValue, ONCE } from './http-header.ts'
import { about, rule } from './rule.ts'

/** As it is compared: `/a/`, `/a%2e` and the like would be other words for what another path means. */
export const requestPath = v.pipe(
  v.string(),
  v.maxLength(1_024),
  v.regex(
    /^\/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$/,
    'is not a path: it begins with a slash, and has no query',
  ),
  rule(
    (value) => !/\/\/|\/\.{1,2}(?:\/|$)|%2[ef]/i.test(value),
    'has `//`, `.`, `..` or an encoded slash or dot in it, which would mean another path',
    "!self.matches('//|/[.][.]?(/|$)|%2[eEfF]')",
  ),
)

/** Without CONNECT, which asks for no path (RFC 9110 §9.3.6). */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'] as const

/** As it is compared: with percent-encoding and `+` undone (application/x-www-form-urlencoded). */
const queryName = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
const queryValue = v.pipe(v.string(), v.minLength(1), v.maxLength(1_024))

const LIST_MAX = 8

const headerList = v.pipe(
  v.array(
    v.strictObject({
      name: about(headerName, 'In small letters; requests may have it in any.'),
      value: about(headerValue, 'All of it.'),
    }),
  ),
  v.minLength(1),
  v.maxLength(LIST_MAX),
  rule((list) => areOnce(list), ...ONCE),
)
const queryList = v.pipe(
  v.array(
    v.strictObject({
      name: about(queryName, 'Letter for letter, without percent-encoding.'),
      value: about(queryValue, 'All of it, without percent-encoding.'),
    }),
  ),
  v.minLength(1),
  v.maxLength(LIST_MAX),
  rule((list) => areOnce(list), ...ONCE),
)

/** All of it is met by a request that is meant. */
export const httpMatch = v.strictObject({
  type: about(
    v.optional(v.picklist(['Prefix', 'Exact']), 'Prefix'),
    'Prefix: by whole parts, so that `/a` is `/a` and `/a/b`, and not `/ab`.',
  ),
  value: about(requestPath, 'As requests have it, without a query.'),
  method: about(v.optional(v.picklist(methods)), 'Every method where absent.'),
  headers: about(
    v.optional(headerList),
    'What requests have in these headers, letter for letter; of one that stands several times, all of it with `, ` between.',
  ),
  queryParams: about(
    v.optional(queryList),
    'What requests have in their query, as programs read it; of a name that stands several times, the first.',
  ),
})
export type HttpMatch = v.InferOutput<typeof httpMatch>

type Named = { readonly name: string; readonly value: string }

function words(list: readonly Named[] = [], mark = ''): readonly string[] {
  return list.map(({ name, value }) => `${mark}${name}=${JSON.stringify(value)}`).sort(compareText)
}

/** `POST =/cart x-env="dev" ?page="2"`: the same for those that mean the same requests, and for no others. */
export function matchText({ headers, method, queryParams, type, value }: HttpMatch): string {
  // With or without a slash at its end it is the same prefix.
  const where = type === 'Exact' ? `=${value}` : value.replace(/(?<=.)\/$/, '')
  return [...(method ? [method] : []), where, ...words(headers), ...words(queryParams, '?')].join(' ')
}
