// Which of several services a name means. Pure.

import { type Address, blockOf, type Cidr, isWithin } from '../../shared/address/cidr.ts'

export interface TlsRoute {
  /** In small letters; `*.example.com` is every name with one label more. */
  readonly hostnames: readonly string[]
  /** Who may come. */
  readonly from: readonly Cidr[]
  readonly to: { readonly address: Address; readonly port: number }
}

/** An own address that names lead on from. */
export interface TlsListener {
  readonly address: Address
  readonly port: number
  readonly routes: readonly TlsRoute[]
}

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
