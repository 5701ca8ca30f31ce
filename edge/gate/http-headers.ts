// Headers of a message that is passed on (RFC 9110 §7.6): what is between two neighbours stays between them, what a client says
// of who it is is replaced by what is known, and a message whose length could be read in two ways is refused. Pure.

import type { HeaderChanges } from '../../shared/intent/http-header.ts'

/** Names and values in turn, as Node has them. */
export type RawHeaders = readonly string[]

/** Between two neighbours, whatever `Connection` says. */
const NEIGHBOURS = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** Not to be dropped because `Connection` names them: the length of a message is part of it. */
const KEPT = new Set(['content-length', 'host'])
/** Said by whoever is in front of a service, and believed there. */
const ABOUT_CLIENT = new Set(['forwarded', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip'])

function pairsIn(raw: RawHeaders): readonly (readonly [string, string])[] {
  return Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at] ?? '', raw[2 * at + 1] ?? ''] as const)
}

/** All values of a header, as they stand. */
export function valuesOf(raw: RawHeaders, name: string): readonly string[] {
  return pairsIn(raw).flatMap(([key, value]) => (key.toLowerCase() === name ? [value] : []))
}

function wordsOf(raw: RawHeaders, name: string): readonly string[] {
  return valuesOf(raw, name).flatMap((value) => value.split(',').map((word) => word.trim().toLowerCase()))
}

/** Why it is not clear where the message ends, or whom it is for; undefined where it is. `isRequest` asks for one host. */
export function ambiguity(raw: RawHeaders, httpVersion: string, isRequest: boolean): string | undefined {
  const [coding, ...codings] = valuesOf(raw, 'transfer-encoding')
  const lengths = valuesOf(raw, 'content-length')
  if (coding !== undefined) {
    if (codings.length > 0 || coding.toLowerCase() !== 'chunked')
      return 'Transfer-Encoding is something else than chunked'
    if (lengths.length > 0) return 'it has both Content-Length and Transfer-Encoding'
    if (httpVersion !== '1.1') return 'HTTP/1.0 has no Transfer-Encoding'
  }
  if (lengths.length > 1) return 'it has several lengths'
  if (lengths.some((one) => !/^\d{1,15}$/.test(one))) return 'its length is not a number'
  if (isRequest && valuesOf(raw, 'host').length !== 1) return 'it names no host, or several'
  return undefined
}

/** What goes on of a message to the other side. */
export function endToEnd(raw: RawHeaders): string[] {
  const named = new Set(wordsOf(raw, 'connection').filter((word) => !KEPT.has(word)))
  return pairsIn(raw).flatMap(([name, value]) => {
    const key = name.toLowerCase()
    return NEIGHBOURS.has(key) || named.has(key) ? [] : [name, value]
  })
}

/** Some servers read an underscore as a hyphen: who takes a header away means both. */
function keyOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/** Headers that only one side has the say of are not among them: the schema of changes refuses them. */
export function changed(raw: RawHeaders, { add = [], remove = [], set = [] }: HeaderChanges): string[] {
  const gone = new Set([...remove, ...set.map(({ name }) => name)].map(keyOf))
  const kept = pairsIn(raw).filter(([name]) => !gone.has(keyOf(name)))
  return [...kept.flat(), ...[...set, ...add].flatMap(({ name, value }) => [name, value])]
}

export interface Client {
  /** Its address, as the socket has it. */
  readonly source: string
  /** As it asked for. */
  readonly host: string
}

/** Of a request, as a service is given it. */
export function requestHeaders(raw: RawHeaders, { host, source }: Client, changes: HeaderChanges = {}): string[] {
  const kept = pairsIn(changed(endToEnd(raw), changes)).filter(([name]) => {
    const key = keyOf(name)
    return !ABOUT_CLIENT.has(key) && !key.startsWith('x-forwarded-')
  })
  return [
    ...kept.flat(),
    'X-Forwarded-For',
    source,
    'X-Forwarded-Host',
    host,
    'X-Forwarded-Proto',
    'http',
    'Via',
    '1.1 holdfast',
  ]
}

/** A WebSocket is to begin (RFC 6455 §4.1); whatever else would take the connection over is never passed on. */
export function isWebSocket(method: string | undefined, raw: RawHeaders): boolean {
  const hasBody = valuesOf(raw, 'transfer-encoding').length > 0 || wordsOf(raw, 'content-length').some((n) => n !== '0')
  return (
    method === 'GET' &&
    !hasBody &&
    wordsOf(raw, 'connection').includes('upgrade') &&
    wordsOf(raw, 'upgrade').join() === 'websocket'
  )
}
