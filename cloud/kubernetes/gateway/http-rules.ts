// What an HTTPRoute says: hosts, and rules with matches and Services. What else it may ask for is refused as a whole,
// since a rule that is left out would leave its requests to others. Pure.

import { HoldfastError } from '../../../shared/errors.ts'
import { type HttpMatch, matchText } from '../../../shared/intent/http-match.ts'
import type { InputObject } from '../input.ts'
import { type BackendRef, type HeaderModifier, type HttpRule, type RequestRedirect, readHttpRoute } from './objects.ts'
import { isRefusal, type Refusal } from './terms.ts'

export interface Rule {
  readonly matches: readonly HttpMatch[]
  /** That share its requests by weight. Empty: none has any, and requests are told so, or sent on. */
  readonly backends: readonly BackendRef[]
  /** Where requests are sent on to; not yet as the hub takes it. */
  readonly redirect?: object
  /** What is changed of their headers and of those of answers; not yet as the hub takes it. */
  readonly changes: { readonly requestHeaders?: object; readonly responseHeaders?: object }
}

export interface HttpRead {
  /** In small letters. */
  readonly hostnames: readonly string[]
  readonly rules: readonly Rule[]
}

function unsupported(message: string): Refusal {
  return { reason: 'UnsupportedValue', message }
}

function isSaid(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined
}

const UNFILTERED =
  'there are RequestHeaderModifier, ResponseHeaderModifier and RequestRedirect, each once and the last alone'
const unread = {
  timeouts: 'a service has as long as it takes',
  retry: 'a request is asked once',
  sessionPersistence: 'sessions are kept by the address of the client: sessionAffinity of the Service',
} as const satisfies Partial<Record<keyof HttpRule, string>>

type Match = HttpRule['matches'][number]

/** Of several with one name the first counts. */
function firsts(list: Match['headers']): readonly { readonly name: string; readonly value: string }[] {
  return list
    .filter(({ name }, at) => list.findIndex((one) => one.name === name) === at)
    .map(({ name, value }) => ({ name, value }))
}

/** Not yet as the hub takes it, which judges what it is made of. */
function matchOf({ headers, method, path, queryParams }: Match): HttpMatch | Refusal {
  const { type, value } = path
  if (type !== 'Exact' && type !== 'PathPrefix')
    return unsupported(`paths are compared by PathPrefix and Exact, and not by ${type}`)
  const other = [...headers, ...queryParams].find((one) => one.type !== 'Exact')
  if (other !== undefined)
    return unsupported(`${other.name} is compared by ${other.type}: headers and the query are by Exact alone`)
  const ofHeaders = firsts(headers.map((one) => ({ ...one, name: one.name.toLowerCase() })))
  const ofQuery = firsts(queryParams)
  return {
    // With or without a slash at its end it is the same prefix.
    ...(type === 'Exact' ? { type, value } : { type: 'Prefix', value: value.replace(/(?<=.)\/$/, '') }),
    ...(method === undefined ? {} : { method }),
    ...(ofHeaders.length === 0 ? {} : { headers: ofHeaders }),
    ...(ofQuery.length === 0 ? {} : { queryParams: ofQuery }),
  } as HttpMatch
}

function redirectOf({ hostname, path, port, scheme, statusCode }: RequestRedirect): object | Refusal {
  if (path !== undefined && path.type !== 'ReplaceFullPath')
    return unsupported(`a redirect is to a whole path by ReplaceFullPath, and not by ${path.type}`)
  const to = { scheme, hostname: hostname?.toLowerCase(), port, path: path?.replaceFullPath }
  const said = Object.entries(to).filter(([, value]) => value !== undefined)
  return { status: statusCode, ...Object.fromEntries(said) }
}

function changesOf({ add, remove, set }: HeaderModifier): object {
  const inSmall = (list: HeaderModifier['add']): HeaderModifier['add'] =>
    list.map(({ name, value }) => ({ name: name.toLowerCase(), value }))
  const lists = { remove: remove.map((one) => one.toLowerCase()), set: inSmall(set), add: inSmall(add) }
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0))
}

/** What the filters of a rule come to. */
function filtersOf({ backendRefs, filters }: HttpRule): Pick<Rule, 'redirect' | 'changes'> | Refusal {
  const kinds = new Set(filters.map(({ type }) => type))
  if (kinds.size < filters.length) return unsupported(`filters: ${UNFILTERED}`)
  let changes: Rule['changes'] = {}
  for (const { requestHeaderModifier, requestRedirect, responseHeaderModifier, type } of filters) {
    if (type === 'RequestRedirect' && requestRedirect !== undefined && filters.length === 1) {
      if (backendRefs.length > 0) return unsupported('a redirect and Services: requests go to one of both')
      const redirect = redirectOf(requestRedirect)
      return isRefusal(redirect) ? redirect : { redirect, changes }
    }
    if (type === 'RequestHeaderModifier' && requestHeaderModifier !== undefined)
      changes = { ...changes, requestHeaders: changesOf(requestHeaderModifier) }
    else if (type === 'ResponseHeaderModifier' && responseHeaderModifier !== undefined)
      changes = { ...changes, responseHeaders: changesOf(responseHeaderModifier) }
    else return unsupported(`filters: ${UNFILTERED}`)
  }
  return { changes }
}

function ruleOf(rule: HttpRule, number: number): Rule | Refusal {
  const where = `rule ${number}`
  for (const [key, why] of Object.entries(unread))
    if (isSaid(rule[key as keyof typeof unread])) return unsupported(`${where} has ${key}: ${why}`)
  if (rule.backendRefs.some(({ filters }) => isSaid(filters))) return unsupported(`${where} has filters: ${UNFILTERED}`)
  const filtered = filtersOf(rule)
  if (isRefusal(filtered)) return unsupported(`${where} has ${filtered.message}`)
  const matches = new Map<string, HttpMatch>()
  for (const said of rule.matches) {
    const match = matchOf(said)
    if (isRefusal(match)) return unsupported(`${where}: ${match.message}`)
    matches.set(matchText(match), match)
  }
  if (matches.size === 0) matches.set('/', { type: 'Prefix', value: '/' })
  const backends = rule.backendRefs.filter(({ weight }) => weight > 0)
  return { matches: [...matches.values()], backends, ...filtered }
}

export function readHttp(input: InputObject): HttpRead | Refusal {
  const spec = readHttpRoute(input)
  if (spec instanceof HoldfastError) return unsupported(`${spec.field ?? 'spec'}: ${spec.message}`)
  const rules: Rule[] = []
  for (const [index, one] of spec.rules.entries()) {
    const rule = ruleOf(one, index + 1)
    if (isRefusal(rule)) return rule
    rules.push(rule)
  }
  return { hostnames: spec.hostnames.map((one) => one.toLowerCase()), rules }
}
