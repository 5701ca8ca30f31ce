// `host:port` where the host is an address or, for configured endpoints only, a DNS name.

import { HoldfastError } from '../errors.ts'
import { type Address, parseAddress } from './cidr.ts'
import { tryParseIp } from './ip.ts'

declare const brand: unique symbol
/** Canonical `1.2.3.4:51820` or `[fd00::1]:51820`. */
export type Endpoint = string & { readonly [brand]: 'Endpoint' }
/** As `Endpoint`, or with a DNS name for a host. */
export type NamedEndpoint = string & { readonly [brand]: 'NamedEndpoint' }

const DNS_NAME = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

function split(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]*:[^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port < 1 || port > 65_535) {
    throw new HoldfastError('invalid', `"${text.slice(0, 80)}" is not host:port`, {
      remedy: 'Write it like 203.0.113.7:51820, [2001:db8::7]:51820 or gw.example.org:51820.',
    })
  }
  return { host: match[1] ?? match[2] ?? '', port }
}

export function formatEndpoint(address: Address, port: number): Endpoint {
  return (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`) as Endpoint
}

export function parseEndpoint(text: string): Endpoint {
  const { host, port } = split(text)
  return formatEndpoint(parseAddress(host), port)
}

export function parseNamedEndpoint(text: string): NamedEndpoint {
  const { host, port } = split(text)
  if (tryParseIp(host) !== undefined) return parseEndpoint(text) as string as NamedEndpoint
  const name = host.toLowerCase()
  // A last label of digits only is an address somebody mistyped, never a public name.
  if (!DNS_NAME.test(name) || /(?:^|\.)\d+$/.test(name)) {
    throw new HoldfastError('invalid', `"${host.slice(0, 80)}" is neither an address nor a DNS name`)
  }
  return `${name}:${port}` as NamedEndpoint
}

export function hostOf(endpoint: Endpoint | NamedEndpoint): string {
  return split(endpoint).host
}

export function portOf(endpoint: Endpoint | NamedEndpoint): number {
  return split(endpoint).port
}

export function isIpv6(endpoint: Endpoint): boolean {
  return endpoint.startsWith('[')
}

/** On the host itself (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopback(endpoint: Endpoint): boolean {
  const host = hostOf(endpoint)
  return host.startsWith('127.') || host === '::1'
}
