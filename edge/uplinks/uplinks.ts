// This host's uplinks, where it has several: watched, chosen among, and Holdfast's own packets led to the chosen one.
//
// A host with one uplink has nothing to choose: nothing is asked and nothing installed. What stands in the kernel outlives
// this process, as all that carries traffic does; the next one finds it there and goes on with it.

import { type Address, familyOf, parseAddress } from '../../shared/address/cidr.ts'
import {
  type Endpoint,
  hostOf,
  isLoopback,
  type NamedEndpoint,
  parseNamedEndpoint,
  portOf,
} from '../../shared/address/endpoint.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { uplinkContactsMax } from '../../shared/limits.ts'
import { createAlarm } from '../paths/alarm.ts'
import { isOnLink } from '../paths/candidates.ts'
import type { FrameSocket } from '../paths/doors.ts'
import type { Names } from '../paths/names.ts'
import type { StunPlace } from '../paths/outlook.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { createUplinkChoice, type UplinkAction, type UplinkChoice, type UplinkEvent } from './choice.ts'
import type { SteeringDriver, UplinkDoors } from './doors.ts'
import { createProbes } from './probes.ts'
import { type UplinkReport, uplinkReports } from './report.ts'
import { type Contact, chosenIn, noSteering, type Steering, steeringOf } from './steering.ts'
import { type Family, type Uplink, uplinksOf } from './uplink.ts'
import type { OutBy } from './way-out.ts'

export interface UplinksOptions {
  /** Absent where the host’s choice is always taken. */
  readonly doors: UplinkDoors | undefined
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly metered: boolean
  /** UDP ports that WireGuard and the path engine send from. */
  readonly ports: readonly number[]
  readonly places: () => readonly StunPlace[]
  /** Hub and brokers. */
  readonly hub: readonly { readonly host: string; readonly port: number }[]
  readonly names: Names
  /** Where packets for an endpoint go: by a translator of a network of IPv6 alone they are that family’s. */
  readonly through?: (endpoint: Endpoint) => Endpoint
  /** What goes out goes by another uplink now. */
  readonly onSwitch: () => void
}

export interface Uplinks {
  /** After each turn. */
  follow(local: readonly LocalAddress[]): void
  /** The same socket: what goes out by it deserves an answer. */
  watched(socket: FrameSocket): FrameSocket
  noteHeard(from: Endpoint): void
  /** The hub fell silent. */
  doubt(): void
  wayOut(host: string, port: number): Promise<OutBy | undefined>
  /** The interface gone by where it is not the host’s choice. */
  chosen(family: Family): string | undefined
  report(): readonly UplinkReport[]
  /** Leaves the kernel as it is. */
  stop(): void
}

/** What stands is looked at so often, in case that somebody else changed it; where nothing is to stand, for remains only. */
const VERIFY_MS = 30_000
const VERIFY_NOTHING_MS = 5 * 60_000
const FAMILIES = [4, 6] as const

interface Side {
  readonly family: Family
  uplinks: readonly Uplink[]
  choice: UplinkChoice
}

/** Undefined where the host’s own choice is used. */
function steeredBy({ choice, uplinks }: Side): Uplink | undefined {
  const at = uplinks.findIndex((one) => one.interface === choice.inUse())
  return at > 0 ? uplinks[at] : undefined
}

function contactText(host: string, port: number): NamedEndpoint {
  return parseNamedEndpoint(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
}

/** Where packets for it go. */
function placeBy({ names }: UplinksOptions, through: (endpoint: Endpoint) => Endpoint, one: NamedEndpoint) {
  const at = names.resolve(one)
  return at === undefined ? undefined : through(at)
}

function placesBy({ places }: UplinksOptions, through: (endpoint: Endpoint) => Endpoint): readonly StunPlace[] {
  return places().map((place) => ({ ...place, endpoint: through(place.endpoint) }))
}

export function createUplinks(options: UplinksOptions): Uplinks {
  const { clock, doors, log, metered, onSwitch, ports, through = (endpoint) => endpoint } = options
  const sides = FAMILIES.map((family): Side => ({ family, uplinks: [], choice: createUplinkChoice({ metered }) }))
  /** Brokers and relays that were dialled, the newest last. */
  const dialled = new Set(options.hub.map(({ host, port }) => contactText(host, port)))
  let local: readonly LocalAddress[] = []
  let driver: SteeringDriver | undefined
  let [started, stopped, trouble] = [false, false, '']
  let [written, verifiedAt] = ['', Number.NEGATIVE_INFINITY]
  let work: Promise<void> = Promise.resolve()

  const placeOf = (one: NamedEndpoint) => placeBy(options, through, one)
  const contacts = (): readonly Contact[] =>
    [...dialled].flatMap((one): readonly Contact[] => {
      const at = placeOf(one)
      if (at === undefined || isOnLink(at, local) || isLoopback(at)) return []
      return [{ address: parseAddress(hostOf(at)), port: portOf(at) }]
    })
  const places = () => placesBy(options, through).filter(({ endpoint }) => !isOnLink(endpoint, local))

  const sideOf = (address: Address): Side | undefined => sides.find(({ family }) => family === familyOf(address))
  const isActive = (side: Side | undefined): side is Side => side !== undefined && side.uplinks.length > 1

  const probes =
    doors === undefined
      ? undefined
      : createProbes({
          ...options,
          doors,
          places,
          contacts,
          onAnswer({ address, interface: name }) {
            const side = sideOf(address)
            if (side !== undefined) tell(side, { type: 'answered', uplink: name })
          },
        })

  const steeringFor = (side: Side): Steering => {
    if (!isActive(side)) return noSteering
    const { family, uplinks } = side
    return steeringOf({
      uplinks: uplinks
        .flatMap((one) => {
          const probePort = probes?.portOf(one)
          return probePort === undefined ? [] : [{ ...one, probePort }]
        })
        .sort((a, b) => (a.interface < b.interface ? -1 : 1)),
      chosen: steeredBy(side)?.interface,
      ports,
      contacts: contacts().filter(({ address }) => familyOf(address) === family),
    })
  }

  /** Brings the kernel to what is wanted by then. */
  const write = async (): Promise<void> => {
    if (driver === undefined || stopped) return
    await probes?.setUplinks(sides.filter(isActive).flatMap(({ uplinks }) => uplinks))
    const wanted = sides.map((side) => ({ family: side.family, steering: steeringFor(side) }))
    const text = JSON.stringify(wanted)
    const isNothing = wanted.every(({ steering: { routes, rules } }) => routes.length + rules.length === 0)
    if (text === written && clock.monotonic() < verifiedAt + (isNothing ? VERIFY_NOTHING_MS : VERIFY_MS)) return
    try {
      for (const { family, steering } of wanted) await driver.set(family, steering)
      written = text
      verifiedAt = clock.monotonic()
      trouble = ''
    } catch (error) {
      const why = describeError(error)
      if (why !== trouble) log.warn('packets can’t be led to an uplink', { why })
      trouble = why
    }
  }
  const settle = (): Promise<void> => {
    work = work.then(write)
    return work
  }

  const perform = (side: Side, actions: readonly UplinkAction[]): void => {
    for (const action of actions) {
      const uplink = side.uplinks.find((one) => one.interface === action.uplink)
      if (uplink === undefined) continue
      if (action.type === 'probe') probes?.ask(uplink)
      else {
        log.info('uplink', { interface: action.uplink, family: side.family, why: action.why })
        void settle().then(() => (stopped ? undefined : onSwitch()))
      }
    }
  }

  const tell = (side: Side, event: UplinkEvent): void => {
    perform(side, side.choice.handle(event, clock.monotonic()))
    alarm.at(dueAt())
  }

  const dueAt = (): number => Math.min(...sides.filter(isActive).map(({ choice }) => choice.dueAt()))
  const alarm = createAlarm(clock, (now) => {
    for (const side of sides) if (isActive(side)) perform(side, side.choice.handle({ type: 'time' }, now))
    return dueAt()
  })

  /** What an earlier run left is gone on with. */
  const start = async ({ steering }: UplinkDoors): Promise<void> => {
    try {
      const opened = await steering()
      for (const side of sides) {
        const inUse = chosenIn(await opened.read(side.family))
        side.choice = createUplinkChoice({ metered, inUse })
      }
      driver = opened
    } catch (error) {
      log.warn('this host can’t lead packets to an uplink', { why: describeError(error) })
    }
    if (driver !== undefined) look()
  }

  const look = (): void => {
    if (driver === undefined || doors === undefined || stopped) return
    const routes = doors.routes()
    for (const side of sides) {
      side.uplinks = uplinksOf(routes, local, side.family)
      const list = side.uplinks.map((one) => one.interface)
      // Sockets and rules first, so that the first questions take the way they ask about.
      void settle().then(() => (stopped ? undefined : tell(side, { type: 'uplinks', list })))
    }
  }

  const noteFor = (endpoint: Endpoint, event: UplinkEvent): void => {
    if (!sides.some(isActive) || isLoopback(endpoint)) return
    const at = through(endpoint)
    if (isOnLink(at, local)) return
    const side = sideOf(parseAddress(hostOf(at)))
    if (isActive(side)) tell(side, event)
  }

  return {
    follow(next) {
      if (doors === undefined || stopped) return
      local = next
      if (started) return look()
      started = true
      void start(doors)
      return undefined
    },
    watched: (socket) => ({
      ...socket,
      send(bytes, to, ttl) {
        // One that dies on the way is not meant to be answered.
        if (ttl === undefined) noteFor(to, { type: 'asked' })
        socket.send(bytes, to, ttl)
      },
    }),
    noteHeard: (from) => noteFor(from, { type: 'heard' }),
    doubt() {
      for (const side of sides) if (isActive(side)) tell(side, { type: 'doubt' })
    },
    async wayOut(host, port) {
      if (!sides.some(isActive)) return undefined
      const name = contactText(host, port)
      dialled.delete(name)
      dialled.add(name)
      const [oldest] = dialled
      if (dialled.size > uplinkContactsMax && oldest !== undefined) dialled.delete(oldest)
      const at = placeOf(name)
      const address = at === undefined || isOnLink(at, local) ? undefined : parseAddress(hostOf(at))
      const side = address === undefined ? undefined : sideOf(address)
      const by = side === undefined ? undefined : steeredBy(side)
      if (address === undefined || by === undefined) return undefined
      await settle()
      return { local: by.address, address }
    },
    chosen(family) {
      const side = sides.find((one) => one.family === family)
      return side === undefined ? undefined : steeredBy(side)?.interface
    },
    report: () =>
      sides.flatMap(({ choice, family, uplinks }) => {
        return uplinkReports(family, uplinks, choice.view(), clock.monotonic())
      }),
    stop() {
      stopped = true
      alarm.cancel()
      probes?.close()
    },
  }
}
