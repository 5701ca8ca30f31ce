// Ends of flows as people write them: `shop-1`, `shop-*`, `hub:443`, `hub:53/udp`, `hub/icmp`, `shop/web:8080` (a pod in its
// namespace), `10.7.0.9:502`, `[fd00::9]:502`.

import { type Address, familyOf, parseAddress } from '../address/cidr.ts'
import { tryParseIp } from '../address/ip.ts'
import { HoldfastError } from '../errors.ts'
import type { Protocol } from './decision.ts'
import type { World } from './world.ts'

/** What is asked about an end: a protocol and, where it has one, a port. */
export interface Service {
  readonly protocol: Protocol
  readonly port: number
}

export interface Target {
  /** Name, pattern or address. */
  readonly who: string
  /** Absent: whatever may be there. */
  readonly service?: Service
}

const WRITTEN = /^(?<who>.*?)(?::(?<port>[1-9]\d{0,4})(?:\/(?<protocol>tcp|udp|sctp))?|\/(?<icmp>icmp))?$/

/** `443`, `53/udp`, `tcp/443` or `icmp`. */
export function parseService(text: string): Service {
  const word = text.toLowerCase()
  if (word === 'icmp') return { protocol: 'ICMP', port: 0 }
  const [, protocol, number] = /^(tcp|udp|sctp)\/(\d{1,5})$/.exec(word) ?? []
  const [, first, after] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(word) ?? []
  const port = Number(number ?? first)
  if (port >= 1 && port <= 65_535) {
    return { protocol: (protocol ?? after ?? 'tcp').toUpperCase() as 'TCP' | 'UDP' | 'SCTP', port }
  }
  throw new HoldfastError('invalid', `"${text.slice(0, 40)}" is neither a port nor icmp`, {
    remedy: 'Write it like 443, 53/udp or icmp.',
  })
}

export function parseTarget(text: string): Target {
  if (tryParseIp(text) !== undefined) return { who: text }
  const { icmp, port, protocol, who = '' } = WRITTEN.exec(text)?.groups ?? {}
  const bare = who.startsWith('[') && who.endsWith(']') ? who.slice(1, -1) : who
  if (bare === '') {
    throw new HoldfastError('invalid', `"${text.slice(0, 80)}" names nobody`, {
      remedy: 'Write it like shop-1, shop-*, hub:443, hub:53/udp or 10.7.0.9:502.',
    })
  }
  if (icmp !== undefined) return { who: bare, service: parseService('icmp') }
  return port === undefined ? { who: bare } : { who: bare, service: parseService(`${port}/${protocol ?? 'tcp'}`) }
}

/** One end of a flow: with the name of whose it is, where it is somebody's. */
export interface End {
  readonly name: string
  readonly address: Address
}

/** `*` stands for any number of characters, also none. */
function matcher(pattern: string): (name: string) => boolean {
  const text = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*')
  const whole = new RegExp(`^${text}$`)
  return (name) => whole.test(name)
}

/** All addresses of all whom `who` means; throws where it means nobody, for what asks about nobody is a mistake. */
export function endsOf(world: World, who: string): readonly End[] {
  if (tryParseIp(who) !== undefined) return [{ name: who, address: parseAddress(who) }]
  const fits = matcher(who)
  const found = world.endpoints.filter(
    ({ addresses, kind, name }) => kind !== 'service' && addresses.length > 0 && fits(name),
  )
  if (found.length === 0) {
    throw new HoldfastError('not-found', `"${who.slice(0, 70)}" is no node and no pod, and matches none`, {
      remedy: 'Use the name of a node, NAMESPACE/NAME of a pod, a pattern with *, or an address.',
    })
  }
  return found.flatMap(({ addresses, name }) => addresses.map((address) => ({ name, address })))
}

/** Pairs of one address family, without an end and itself. */
export function pairsOf(sources: readonly End[], targets: readonly End[]): readonly (readonly [End, End])[] {
  return sources.flatMap((from) =>
    targets
      .filter((to) => familyOf(to.address) === familyOf(from.address) && to.name !== from.name)
      .map((to) => [from, to] as const),
  )
}
