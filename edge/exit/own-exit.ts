// How this device goes out: whether any of the nodes that lead it out answers, and whom its own words go to past them. With the
// hub gone as well as with it.

import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { hostOf, isLoopback, type NamedEndpoint, parseNamedEndpoint, portOf } from '../../shared/address/endpoint.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { exitContactsMax } from '../../shared/exit-limits.ts'
import type { NodeId } from '../../shared/ids.ts'
import { createAlarm } from '../paths/alarm.ts'
import type { Names } from '../paths/names.ts'
import type { ExitWish } from '../plan/desire.ts'
import { type Exit, exitOf } from '../plan/exit.ts'
import type { OwnContact } from '../plan/led-out.ts'
import type { Health } from '../report/health.ts'
import type { OwnRouters } from '../routers/own-routers.ts'
import type { Running } from '../trust/compose.ts'

export interface OwnExit {
  /** Looks again; true where this device is to go out otherwise. */
  follow(held: Running): boolean
  wish(): ExitWish
  close(): void
}

export interface OwnExitOptions {
  readonly self: NodeId
  readonly clock: Clock
  readonly health: Pick<Health, 'raise' | 'clear'>
  readonly log: Log
  readonly routers: Pick<OwnRouters, 'standingOf'>
  /** UDP ports that WireGuard and the path engine send from. */
  readonly ports: readonly number[]
  /** Hub and brokers, and a proxy before them. */
  readonly hub: readonly { readonly host: string; readonly port: number }[]
  readonly names: Pick<Names, 'resolve'>
  /** Sends one packet to a mesh address: WireGuard shakes hands then. */
  readonly nudge: ((address: Address) => void) | undefined
  /** It is time to look again. */
  readonly wake: () => void
}

/** Longer than a switch from one to the other takes, so that a switch never opens anything. */
const LOST_MS = 3_000
/** What is open goes back only to somebody who has answered for as long: each change breaks what runs. */
const BACK_MS = 5_000
/** Nobody sends to who is lost, so that nobody would notice that it is back. */
const SEEK_MS = 3_000

function contactOf(names: Pick<Names, 'resolve'>, one: NamedEndpoint, protocol: 'tcp' | 'udp'): readonly OwnContact[] {
  const at = names.resolve(one)
  if (at === undefined || isLoopback(at)) return []
  return [{ protocol, address: parseAddress(hostOf(at)), port: portOf(at) }]
}

function named(host: string, port: number): NamedEndpoint {
  return parseNamedEndpoint(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
}

export function createOwnExit(options: OwnExitOptions): OwnExit {
  const { clock, health, log, names, ports, routers, self } = options
  const hub = options.hub.map(({ host, port }) => named(host, port))
  let exit: Exit | undefined
  let exitFor: Running | undefined
  let isLost = false
  /** Since when things stand otherwise than `isLost` says. */
  let otherwiseSince: number | undefined
  let soughtAt = Number.NEGATIVE_INFINITY
  let contacts: readonly OwnContact[] = []
  let contactsText = '[]'

  const alarm = createAlarm(clock, () => {
    options.wake()
    return Number.POSITIVE_INFINITY
  })

  const nodesOf = (): readonly NodeId[] => [
    ...new Set((exit?.groups ?? []).flatMap((group) => group.routers.map(({ node }) => node))),
  ]

  const seek = ({ parsed }: Running): void => {
    const now = clock.monotonic()
    if (now < soughtAt + SEEK_MS) return
    soughtAt = now
    const sought = new Set(nodesOf())
    for (const { addresses, nodeId } of parsed.records.nodes) {
      const [address] = sought.has(nodeId) ? addresses : []
      if (address !== undefined) options.nudge?.(address)
    }
  }

  const look = (held: Running): void => {
    if (exit === undefined) {
      isLost = false
      otherwiseSince = undefined
      return
    }
    const now = clock.monotonic()
    const isThere = nodesOf().some((node) => routers.standingOf(node) !== 'gone')
    if (isThere !== isLost) otherwiseSince = undefined
    else {
      otherwiseSince ??= now
      const waitMs = isLost ? (exit.whenLost === 'Open' ? BACK_MS : 0) : LOST_MS
      alarm.at(otherwiseSince + waitMs)
      if (now >= otherwiseSince + waitMs) {
        isLost = !isLost
        otherwiseSince = undefined
        alarm.cancel()
        log.warn('exit', { name: exit.name, lost: isLost, whenLost: exit.whenLost })
      }
    }
    if (isLost || !isThere) seek(held)
  }

  const tell = (): void => {
    health.clear('exit-closed')
    health.clear('exit-open')
    if (exit === undefined || !isLost) return
    const who = exit.groups.flatMap((group) => group.routers.map(({ name }) => name))
    const detail = `Exit/${exit.name} leads through ${[...new Set(who)].join(', ') || 'nobody'}`
    health.raise(exit.whenLost === 'Open' ? 'exit-open' : 'exit-closed', detail)
  }

  const findContacts = ({ parsed: { records } }: Running): boolean => {
    const relays = records.nodes.flatMap(({ publicEndpoint, relay }) =>
      publicEndpoint === undefined || relay === undefined
        ? []
        : [
            ...contactOf(names, named(hostOf(publicEndpoint), relay.tlsPort), 'tcp'),
            // Of probes of uplinks, which have ports of their own.
            ...[relay.port, relay.port + 1].flatMap((port) =>
              contactOf(names, named(hostOf(publicEndpoint), port), 'udp'),
            ),
          ],
    )
    const all = [...hub.flatMap((one) => contactOf(names, one, 'tcp')), ...relays].slice(0, exitContactsMax)
    const next = [...new Set(all.map((one) => JSON.stringify(one)))].sort()
    const text = JSON.stringify(next)
    if (text === contactsText) return false
    contactsText = text
    contacts = next.map((one) => JSON.parse(one) as OwnContact)
    return true
  }

  return {
    follow(held) {
      const isNew = held !== exitFor
      if (isNew) {
        exit = exitOf(held.parsed.records, self)
        exitFor = held
      }
      const before = isLost
      look(held)
      if (isLost !== before || isNew) tell()
      const others = exit === undefined ? false : findContacts(held)
      return isLost !== before || others
    },
    close: () => alarm.cancel(),
    wish: () => ({ words: { ports, contacts }, isLost }),
  }
}
