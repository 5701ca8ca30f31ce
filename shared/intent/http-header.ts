// Headers of HTTP, as intent names them.

import * as v from 'valibot'
import { about, rule } from './rule.ts'

/** A token in small letters (RFC 9110 §5.6.2): names of headers are the same in any. */
export const headerName = v.pipe(
  v.string(),
  v.maxLength(256),
  v.regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'is not the name of a header in small letters'),
)
export const headerValue = v.pipe(
  v.string(),
  v.maxLength(1_024),
  v.regex(
    /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/,
    'is not the value of a header: ASCII, with no blank at its ends',
  ),
)

/** Another of the same name would be met by no message, or undo the first. */
export function areOnce(list: readonly { readonly name: string }[]): boolean {
  return new Set(list.map(({ name }) => name)).size === list.length
}
export const ONCE = ['names one twice', 'self.all(a, self.exists_one(b, a.name == b.name))'] as const

const LIST_MAX = 8

/**
 * What ends a message, leads it, or says who sent it is the gateway's own word, however it is spelled: some servers read an
 * underscore as a hyphen.
 */
const GATEWAYS_OWN = [
  'host|content[-_]length|transfer[-_]encoding|connection|keep[-_]alive|upgrade|te|trailer|expect|http2[-_]settings',
  'proxy[-_].*|via|forwarded|x[-_]forwarded[-_].*|x[-_]real[-_]ip|x[-_]client[-_]ip|true[-_]client[-_]ip|cf[-_]connecting[-_]ip',
].join('|')
const isGatewaysOwn = new RegExp(`^(?:${GATEWAYS_OWN})$`)
const changedName = v.pipe(
  headerName,
  rule(
    (name) => !isGatewaysOwn.test(name),
    'is a header of which the gateway itself has the say: where a message ends, whom it is for and who sent it',
    `!self.matches('^(${GATEWAYS_OWN})$')`,
  ),
)

const changedList = v.pipe(
  v.array(
    v.strictObject({
      name: about(changedName, 'In small letters.'),
      value: about(headerValue, 'As it is written.'),
    }),
  ),
  v.minLength(1),
  v.maxLength(LIST_MAX),
  rule((list) => areOnce(list), ...ONCE),
)

/** What is changed of the headers of a message that is passed on: in this order. */
export const headerChanges = v.pipe(
  v.strictObject({
    remove: about(
      v.optional(v.pipe(v.array(changedName), v.minLength(1), v.maxLength(LIST_MAX))),
      'Taken away first, however often they stand.',
    ),
    set: about(v.optional(changedList), 'Said instead of all that stands by these names.'),
    add: about(v.optional(changedList), 'Said as well.'),
  }),
  rule(
    ({ add, remove, set }) => (add ?? remove ?? set) !== undefined,
    'changes nothing',
    'has(self.remove) || has(self.set) || has(self.add)',
  ),
)
export type HeaderChanges = v.InferOutput<typeof headerChanges>
