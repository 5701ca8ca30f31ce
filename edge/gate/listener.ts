// What is led on from an own address, by what clients ask for, and who may come. Pure.

import { type Address, blockOf, type Cidr, isWithin } from '../../shared/address/cidr.ts'
import type { HeaderChanges } from '../../shared/intent/http-header.ts'
import type { HttpMatch } from '../../shared/intent/http-match.ts'
import type { HttpRedirect } from '../../shared/intent/http-redirect.ts'

interface Route {
  /** Who may come. */
  readonly from: readonly Cidr[]
  readonly to: { readonly address: Address; readonly port: number }
}

export interface TlsRoute extends Route {
  /** In small letters; `*.example.com` is every name with one label more. */
  readonly hostnames: readonly string[]
}

export interface HttpRoute extends Route {
  /** In small letters; `*.example.com` is every name with one label more or several; absent: every host. */
  readonly hostnames?: readonly string[]
  /** Absent: every path. */
  readonly paths?: readonly HttpMatch[]
  /** All are told this status, and led nowhere. */
  readonly answer?: number
  /** All are sent on to there, and led nowhere. */
  readonly redirect?: HttpRedirect
  /** Of those that name as much of a request the one whose text comes first has it, and one without before all. */
  readonly order?: string
  /** Of those that are named alike, and have the same order and a weight, each has requests by its weight. */
  readonly weight?: number
  /** Of what a service is told. */
  readonly requestHeaders?: HeaderChanges
  /** Of what it says. */
  readonly responseHeaders?: HeaderChanges
}

interface Place {
  readonly address: Address
  readonly port: number
}

export type TlsListener = Place & { readonly protocol: 'TLS'; readonly routes: readonly TlsRoute[] }
export type HttpListener = Place & { readonly protocol: 'HTTP'; readonly routes: readonly HttpRoute[] }
/** An own address that names lead on from. */
export type GateListener = TlsListener | HttpListener

export function mayCome(from: readonly Cidr[], source: Address): boolean {
  return from.some((block) => isWithin(blockOf(block), source))
}

/** The whole name goes before a wildcard. */
export function routeFor(routes: readonly TlsRoute[], serverName: string): TlsRoute | undefined {
  const parent = serverName.slice(serverName.indexOf('.'))
  const wildcard = serverName.includes('.') ? `*${parent}` : undefined
  return (
    routes.find(({ hostnames }) => hostnames.includes(serverName)) ??
    routes.find(({ hostnames }) => wildcard !== undefined && hostnames.includes(wildcard))
  )
}
