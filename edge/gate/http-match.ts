// Which of several services a request means, in the order of the Gateway API: the host that is named wholly, the longest
// wildcard, the whole path, the longest prefix, the method, most headers, most of the query, who is said to go first, and who
// stands first. Pure.
//
// Paths are compared as a service would read them, with percent-encoding undone (RFC 3986 §6.2.2) and slashes merged, and never
// guessed at: what may mean another path to some servers than to others is refused. What is passed on is what the client said.

import { compareText } from '../../shared/bytes.ts'
import type { HttpMatch } from '../../shared/intent/http-match.ts'
import { type RawHeaders, valuesOf } from './http-headers.ts'
import type { HttpRoute } from './listener.ts'

/** What a request asks for. */
export interface Asked {
  /** Small letters, without a port; empty for an address of IPv6. */
  readonly host: string
  /** The host as it was asked, in small letters, and the port where that was said. */
  readonly authority: string
  /** As it is compared. */
  readonly path: string
  /** As it is passed on, with the query. */
  readonly target: string
}

const HOST = /^([a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?)\.?(?::\d{1,5})?$|^\[[0-9a-f:.]{2,45}\](?::\d{1,5})?$/
const ABSOLUTE = /^http:\/\/([^/?#]+)(\/[^#]*|\?[^#]*)?$/i
const PLAIN = /^[\x21\x22\x24-\x5b\x5d-\x7e]*$/

const ESCAPE = /%([0-9a-f]{2})/gi

/** Undefined where it means nothing, or not the same to everybody. Octets are compared, whatever they are in UTF-8. */
export function comparablePath(raw: string): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(raw)) return undefined
  const decoded = raw.replaceAll(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  // What a server might take for a step to elsewhere, or for the end of the path.
  if (Array.from(decoded).some((one) => one < ' ' || one === '\\' || one === '\x7f')) return undefined
  if (decoded.split('/').some((part) => /^\.{1,2}(?:;.*)?$/.test(part))) return undefined
  return decoded.replaceAll(/\/{2,}/g, '/')
}

/** `target` and `host` as they stand in the request (RFC 9112 §3.2); undefined where the request is not to be believed. */
export function readAsked(target: string, host: string): Asked | undefined {
  const named = HOST.exec(host.toLowerCase())
  if (named === null || !PLAIN.test(target)) return undefined
  let own = target
  const absolute = ABSOLUTE.exec(target)
  if (absolute !== null) {
    const [, authority = '', rest = ''] = absolute
    if (authority.toLowerCase() !== host.toLowerCase()) return undefined
    own = rest.startsWith('/') ? rest : `/${rest}`
  }
  if (!own.startsWith('/')) return undefined
  const path = comparablePath(own.replace(/\?.*$/, ''))
  return path === undefined ? undefined : { host: named[1] ?? '', authority: host.toLowerCase(), path, target: own }
}

/** What a request is told apart by. */
export interface Request extends Asked {
  readonly method: string
  readonly rawHeaders: RawHeaders
}

/** How much of it is named, more before less, and the first number before the next; undefined where it is another. */
type Rank = readonly number[]
const anything: Rank = []

function rankOfHost(hostnames: HttpRoute['hostnames'], host: string): Rank | undefined {
  if (hostnames === undefined) return anything
  if (hostnames.includes(host)) return [1, host.length]
  const wild = hostnames.filter(
    (one) => one.startsWith('*.') && host.endsWith(one.slice(1)) && host.length >= one.length,
  )
  return wild.length === 0 ? undefined : [0, Math.max(...wild.map(({ length }) => length))]
}

function rankOfPath({ type, value }: HttpMatch, path: string): Rank | undefined {
  const wanted = value.includes('%') ? (comparablePath(value) ?? value) : value
  if (type === 'Exact') return wanted === path ? [1, value.length] : undefined
  const prefix = wanted.replace(/\/$/, '')
  return path === prefix || path.startsWith(`${prefix}/`) ? [0, prefix.length] : undefined
}

function rankOfMatch(match: HttpMatch, { method, path, rawHeaders, target }: Request): Rank | undefined {
  const byPath = rankOfPath(match, path)
  const { headers = [], queryParams = [] } = match
  if (byPath === undefined || (match.method !== undefined && match.method !== method)) return undefined
  if (!headers.every(({ name, value }) => valuesOf(rawHeaders, name).join(', ') === value)) return undefined
  const query = queryParams.length === 0 ? undefined : new URLSearchParams(target.replace(/^[^?]*/, ''))
  if (!queryParams.every(({ name, value }) => query?.get(name) === value)) return undefined
  return [...byPath, match.method === undefined ? 0 : 1, headers.length, queryParams.length]
}

interface Met {
  readonly route: HttpRoute
  readonly byHost: Rank
  readonly byMatch: Rank
}

function compareRanks(a: Rank, b: Rank): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const more = (b[at] ?? 0) - (a[at] ?? 0)
    if (more !== 0) return more
  }
  return 0
}

function rankOfMatches(matches: HttpRoute['paths'], request: Request): Rank | undefined {
  if (matches === undefined) return anything
  return matches
    .flatMap((one) => [rankOfMatch(one, request)].filter((rank) => rank !== undefined))
    .sort(compareRanks)[0]
}

/** One, or several that share such requests by weight; none where nothing is published for it. */
export function httpRoutesFor(routes: readonly HttpRoute[], request: Request): readonly HttpRoute[] {
  const met = routes.flatMap((route): readonly Met[] => {
    const [byHost, byMatch] = [rankOfHost(route.hostnames, request.host), rankOfMatches(route.paths, request)]
    return byHost === undefined || byMatch === undefined ? [] : [{ route, byHost, byMatch }]
  })
  const compare = (a: Met, b: Met): number =>
    compareRanks(a.byHost, b.byHost) ||
    compareRanks(a.byMatch, b.byMatch) ||
    compareText(a.route.order ?? '', b.route.order ?? '')
  const [first, ...others] = met.sort(compare)
  if (first === undefined) return []
  const sharing = others.filter(({ route }) => route.weight !== undefined)
  const alike = first.route.weight === undefined ? [] : sharing.filter((one) => compare(first, one) === 0)
  return [first, ...alike].map(({ route }) => route)
}

/** `fraction`: in [0, 1), uniform over requests. */
export function pickByWeight(routes: readonly HttpRoute[], fraction: number): HttpRoute | undefined {
  let left = fraction * routes.reduce((sum, { weight = 1 }) => sum + weight, 0)
  return routes.find(({ weight = 1 }) => (left -= weight) < 0)
}
