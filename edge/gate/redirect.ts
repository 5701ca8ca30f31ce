// Where a request is sent on to (RFC 9110 §10.2.2): a whole URL, made of what was asked and of what is said instead. Pure.

import type { HttpRedirect } from '../../shared/intent/http-redirect.ts'
import type { Asked } from './http-match.ts'

const PORTS = { http: 80, https: 443 } as const

/** `port`: of the listener. */
export function locationOf(redirect: HttpRedirect, { authority, target }: Asked, port: number): string {
  const { scheme = 'http', hostname = authority.replace(/:\d+$/, '') } = redirect
  const at = redirect.port ?? (redirect.scheme === undefined ? port : PORTS[scheme])
  const host = at === PORTS[scheme] ? hostname : `${hostname}:${at}`
  const path = redirect.path === undefined ? target : target.replace(/^[^?]*/, () => redirect.path ?? '')
  return `${scheme}://${host}${path}`
}
