// A network in virtual time with two ends, each with its own controller and its own WireGuard: ways with delay, jitter and loss,
// NATs that open from inside only, links that are cut. Everything is decided by the seed.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { seededEntropy } from '../../shared/effects.fake.ts'
import { createPeerPaths } from './controller.ts'
import type { CandidateSource, Pace, PathAction, PathEvent, PathKind, PeerPaths } from './path.ts'

export type Side = 'a' | 'b'

/** A way between the ends. */
export interface Way {
  readonly kind: PathKind
  readonly source: CandidateSource
  /** Where each end finds the other. */
  readonly at: Readonly<Record<Side, Endpoint>>
  /** One direction, milliseconds; changeable, as all below. */
  delayMs: number
  jitterMs: number
  loss: number
  up: boolean
  /** Both ends must have sent within this time. */
  natMs?: number
  /** When each end last sent. */
  readonly opened: Record<Side, number>
}

export interface EndState {
  readonly side: Side
  paths: PeerPaths
  wireguardAt: Endpoint | undefined
  /** WireGuard's next word is noticed, and goes nowhere by itself. */
  parked: boolean
  /** False: WireGuard runs, but nobody answers probes. */
  engine: boolean
  handshakeAt: number
  heardAt: number
  payloadEveryMs: number
  /** Payload that arrived. */
  received: number
  sent: number
  /** Packets from there seem to come from elsewhere for a while, lest WireGuard roams back. */
  readonly pins: Map<Endpoint, { readonly to: Endpoint; readonly until: number }>
  readonly log: { readonly at: number; readonly action: PathAction }[]
}

export interface WorldOptions {
  readonly seed: number
  readonly pace?: Pace
  readonly ways: readonly Way[]
  readonly payloadEveryMs?: number
  /** How long a call takes by the hub. */
  readonly callMs?: number
  readonly without?: Side
  /** Looks at every event and what came of it. */
  readonly watch?: (end: EndState, event: PathEvent, actions: readonly PathAction[], now: number) => void
}

export interface World {
  readonly a: EndState
  readonly b: EndState
  now(): number
  run(forMs: number): void
  tell(side: Side, event: PathEvent): void
  announce(side: Side, ways: readonly Way[]): void
}

const PIN_MS = 1_000

let ports = 0

export function makeWay(kind: PathKind, source: CandidateSource, delayMs: number, more: Partial<Way> = {}): Way {
  ports = (ports + 1) % 60_000
  const relayed = kind === 'relay' || kind === 'tls'
  const a = `192.0.2.1:${ports + 1_000}` as Endpoint
  const b = (relayed ? a : `192.0.2.2:${ports + 1_000}`) as Endpoint
  const opened = { a: Number.NEGATIVE_INFINITY, b: Number.NEGATIVE_INFINITY }
  return { kind, source, at: { a, b }, delayMs, jitterMs: 0, loss: 0, up: true, opened, ...more }
}

interface Job {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Jobs in order of time, then of their making. */
function createQueue() {
  const heap: Job[] = []
  let order = 0
  const before = (a: Job, b: Job): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
  const sink = (start: number): void => {
    for (let i = start; ; ) {
      const [left, right] = [heap[2 * i + 1], heap[2 * i + 2]]
      const self = heap[i]
      if (left === undefined || self === undefined) return
      const child = right !== undefined && before(right, left) ? 2 * i + 2 : 2 * i + 1
      const least = heap[child]
      if (least === undefined || !before(least, self)) return
      heap[i] = least
      heap[child] = self
      i = child
    }
  }
  return {
    add(at: number, run: () => void): void {
      heap.push({ at, order: order++, run })
      for (let i = heap.length - 1; i > 0; ) {
        const up = (i - 1) >> 1
        const [self, parent] = [heap[i], heap[up]]
        if (self === undefined || parent === undefined || !before(self, parent)) return
        heap[i] = parent
        heap[up] = self
        i = up
      }
    },
    nextAt: (): number => heap[0]?.at ?? Number.POSITIVE_INFINITY,
    take(): Job | undefined {
      const first = heap[0]
      const last = heap.pop()
      if (heap.length > 0 && last !== undefined) {
        heap[0] = last
        sink(0)
      }
      return first
    },
  }
}

const other = (side: Side): Side => (side === 'a' ? 'b' : 'a')

export function createWorld(options: WorldOptions): World {
  const entropy = seededEntropy(options.seed)
  const fraction = (): number => entropy.fraction()
  const queue = createQueue()
  let now = 0

  const makeEnd = (side: Side): EndState => ({
    side,
    paths: createPeerPaths({
      decides: side === 'a',
      pace: options.pace ?? 'fast',
      metered: false,
      random: fraction,
      startedAt: 0,
    }),
    wireguardAt: undefined,
    parked: false,
    engine: options.without !== side,
    handshakeAt: Number.NEGATIVE_INFINITY,
    heardAt: Number.NEGATIVE_INFINITY,
    payloadEveryMs: options.payloadEveryMs ?? 0,
    received: 0,
    sent: 0,
    pins: new Map(),
    log: [],
  })
  const ends: Record<Side, EndState> = { a: makeEnd('a'), b: makeEnd('b') }
  const timers: Record<Side, number> = { a: Number.POSITIVE_INFINITY, b: Number.POSITIVE_INFINITY }

  /** Carries one datagram; `arrive` is told where the other end sees it come from. */
  const carry = (side: Side, to: Endpoint, arrive: (from: Endpoint) => void, ttl?: number): void => {
    const way = options.ways.find((one) => one.at[side] === to)
    if (way === undefined) return
    way.opened[side] = now
    const open = way.natMs === undefined || now - way.opened[other(side)] < way.natMs
    const lost = fraction() < way.loss
    const delay = way.delayMs + fraction() * way.jitterMs
    if (!way.up || lost || !open || ttl !== undefined) return
    queue.add(now + delay, () => {
      if (way.up) arrive(way.at[other(side)])
    })
  }

  const tell = (side: Side, event: PathEvent): void => {
    const end = ends[side]
    if (!end.engine) return
    const actions = end.paths.handle(event, now)
    options.watch?.(end, event, actions, now)
    for (const action of actions) perform(side, action)
    const due = end.paths.dueAt()
    if (due === timers[side]) return
    timers[side] = due
    if (due < Number.POSITIVE_INFINITY) queue.add(Math.max(now, due), () => timers[side] === due && ring(side))
  }

  const ring = (side: Side): void => {
    timers[side] = Number.POSITIVE_INFINITY
    tell(side, { type: 'time' })
  }

  const perform = (side: Side, action: PathAction): void => {
    const end = ends[side]
    end.log.push({ at: now, action })
    if (action.type === 'use') {
      end.wireguardAt = action.endpoint
      end.parked = false
      end.pins.delete(action.endpoint)
      if (action.leaves !== undefined) end.pins.set(action.leaves, { to: action.endpoint, until: now + PIN_MS })
      if (action.quiet !== true) sendPayload(side)
    } else if (action.type === 'nudge') sendPayload(side)
    else if (action.type === 'call')
      queue.add(now + (options.callMs ?? 60), () => tell(other(side), { type: 'called' }))
    else if (action.type === 'probe') probe(side, action)
    else if (action.type === 'park') end.parked = true
  }

  const probe = (side: Side, { endpoint, probe: id, ttl }: PathAction & { type: 'probe' }): void => {
    const sentAt = now
    const asked = (from: Endpoint): void => {
      if (!ends[other(side)].engine) return
      carry(other(side), from, (back) =>
        tell(side, { type: 'answered', endpoint: back, probe: id, rttMs: now - sentAt }),
      )
      tell(other(side), { type: 'asked', endpoint: from })
    }
    carry(side, endpoint, asked, ttl)
  }

  const sendPayload = (side: Side): void => {
    const end = ends[side]
    end.sent += 1
    if (end.parked) return tell(side, { type: 'woken' })
    if (end.wireguardAt === undefined) return
    carry(side, end.wireguardAt, (from) => {
      const peer = ends[other(side)]
      peer.received += 1
      const pin = peer.pins.get(from)
      peer.parked = false
      peer.wireguardAt = pin !== undefined && now < pin.until ? pin.to : from
      peer.heardAt = now
    })
  }

  const pump = (side: Side): void => {
    const end = ends[side]
    if (end.payloadEveryMs > 0) sendPayload(side)
    queue.add(now + (end.payloadEveryMs || 1_000), () => pump(side))
  }

  /** What the agent sees of WireGuard once a second. */
  const look = (side: Side): void => {
    const end = ends[side]
    if (!end.parked) tell(side, { type: 'roamed', endpoint: end.wireguardAt })
    const alive = now - Math.min(ends.a.heardAt, ends.b.heardAt) < 1_000
    if (alive && now - end.handshakeAt > 120_000) {
      end.handshakeAt = now
      tell(side, { type: 'handshake', at: now })
    }
    if (end.payloadEveryMs > 0 && end.sent + end.received > 0) tell(side, { type: 'traffic' })
    queue.add(now + 1_000, () => look(side))
  }

  for (const side of ['a', 'b'] as const) {
    queue.add(1 + fraction() * 100, () => pump(side))
    queue.add(5 + fraction() * 1_000, () => look(side))
  }
  return {
    ...ends,
    now: () => now,
    run(forMs) {
      const end = now + forMs
      while (queue.nextAt() <= end) {
        const job = queue.take()
        if (job === undefined) break
        now = job.at
        job.run()
      }
      now = end
    },
    tell,
    announce(side, ways) {
      const list = ways.map(({ at, kind, source }) => ({ endpoint: at[side], kind, source }))
      tell(side, { type: 'candidates', list })
    },
  }
}

/** When and where an end pointed its WireGuard. */
export function usesOf(end: EndState): readonly { readonly at: number; readonly endpoint: Endpoint }[] {
  return end.log.flatMap(({ at, action }) => (action.type === 'use' ? [{ at, endpoint: action.endpoint }] : []))
}

/** Both ends know the ways, and talk. */
export function connect(ways: readonly Way[], options: Partial<WorldOptions> = {}): World {
  const world = createWorld({ seed: 1, ways, payloadEveryMs: 100, ...options })
  world.announce('a', ways)
  world.announce('b', ways)
  return world
}

/** Both use it, and WireGuard with them. */
export function isOn(world: World, way: Way): boolean {
  const here = [world.a, world.b].map((end) => end.wireguardAt === way.at[end.side])
  const there = [world.a, world.b].map((end) => end.paths.view().inUse?.endpoint === way.at[end.side])
  return [...here, ...there].every(Boolean)
}
