// The services of this agent: who of their backends gets the next flow is decided here, from the records it has, what the way to
// each is like, and what each says when it is asked; the hub has no part in it.

import type { Address } from '../../shared/address/cidr.ts'
import type { Clock } from '../../shared/effects.ts'
import type { Fact } from '../../shared/fact/fact.ts'
import type { PodTable } from '../../shared/fact/pod-table.ts'
import type { NodeId } from '../../shared/ids.ts'
import { goneMax, servicesMax, servicesShownMax } from '../../shared/service-limits.ts'
import type { PublishedReport } from '../../shared/wire/report.ts'
import type { AgentOptions } from '../agent.ts'
import { type Serving, servingOf } from '../flows/outside.ts'
import type { Answering } from '../names/pod-names.ts'
import { renderServices } from '../plan/nft-services.ts'
import type { LocalAddress, Observed } from '../plan/observed.ts'
import type { PeerBook } from '../report/peers.ts'
import type { Running } from '../trust/compose.ts'
import type { FactBook } from '../trust/fact-book.ts'
import type { Backend } from './backend.ts'
import { choose, chooseAll, type Known, type Standing, type Way } from './choose.ts'
import type { Drain } from './drain.ts'
import { type Front, type Fronts, frontsOf } from './front.ts'
import { createOwnGate } from './own-gate.ts'
import { createOwnPublishing } from './own-publishing.ts'
import { type Asked, createProber, type Prober } from './prober.ts'
import { listenersOf } from './publish.ts'
import { type BackendStatus, createPublishedTold, publishedOf, type ServiceStatus } from './status.ts'
import { goneOf, goneOutside, type Stood, tableOf } from './table.ts'
import { unasked, type Verdict } from './verdict.ts'

export interface OwnServices {
  /** What the kernel saw being asked for. */
  observe(observed: Pick<Observed, 'used'>): void
  /** The text of the table as it should be; the very same string where nothing has changed. */
  ruleset(held: Running, local: readonly LocalAddress[]): string
  /** What is left out of it. */
  omitted(): readonly string[]
  /** What intent wants published here, and is not; why, in sentences. */
  unpublished(): readonly string[]
  /** Somebody looked a name up: who serves is to be known before the first packet is there. */
  named(addresses: readonly Address[]): void
  /** Of each service without an address those that its name is answered with; the same map until that may be others. */
  headless(): Answering
  /** The same for who looks at flows; undefined where nothing is published. */
  serving(): Serving | undefined
  /** Where services are published here; the very same list where nothing has changed. */
  published(): readonly PublishedReport[]
  status(): readonly ServiceStatus[]
  close(): void
}

export interface ServicesAround {
  readonly clock: Clock
  readonly peers: Pick<PeerBook, 'isGone' | 'of'>
  readonly facts: Pick<FactBook, 'facts' | 'revision'>
  readonly drain: Pick<Drain, 'isOn'>
  /** What nodes say of the pods behind them, this one among them. */
  readonly pods: { readonly of: (node: NodeId) => Pick<Fact, 'podTable'> | undefined }
}

/** A service that nobody asked for in so long is in use no more. */
const USED_MS = 600_000
/** Where nothing else is said: as `probe` has it. */
const INTERVAL_MS = 10_000
const TIMEOUT_MS = 2_000

/**
 * Whom to ask of a backend; undefined: nobody can be asked, or need be. Without a word on it, its first port of TCP; but of a pod
 * its cluster, which asks it all the time, says whether it is ready, and policy may well keep nodes from it.
 */
function questionOf({ addresses, ports, probe, ready }: Backend): Asked | undefined {
  const [address] = addresses
  if (address === undefined || ready === false || (ready === true && probe === undefined)) return undefined
  if (probe !== undefined) {
    const path = probe.protocol === 'HTTP' ? { path: probe.path ?? '/' } : {}
    return { address, port: probe.port, ...path, intervalMs: probe.intervalS * 1_000, timeoutMs: probe.timeoutMs }
  }
  const tcp = ports.find(({ protocol }) => protocol === 'TCP')
  if (tcp === undefined) return undefined
  return { address, port: tcp.targetPort, intervalMs: INTERVAL_MS, timeoutMs: TIMEOUT_MS }
}

/** Where nothing comes back from any of them, those that were ready last: it may be the uplink of this device. */
function answeredWith(standing: ReadonlyMap<Backend, Standing>): readonly Backend[] {
  const who = (wanted: Standing): readonly Backend[] =>
    [...standing].flatMap(([backend, now]) => (now === wanted ? [backend] : []))
  const serving = who('serves')
  return serving.length > 0 ? serving : who('lost').filter(({ ready }) => ready !== false)
}

function isSameAnswer(a: Answering, b: Answering): boolean {
  return (
    a.size === b.size &&
    [...b].every(([name, backends]) => {
      const before = a.get(name)
      return before?.length === backends.length && backends.every((one, at) => one === before[at])
    })
  )
}

/** Names of pods are unique behind their node alone. */
function keyOf({ name, node }: Backend): string {
  return `${node} ${name}`
}

export function createOwnServices(options: AgentOptions, around: ServicesAround, onChange: () => void): OwnServices {
  const { clock, drain, facts, peers, pods } = around
  const { identity, settings } = options
  /** Monotonic ms. */
  const usedAt = new Map<Address, number>()
  let made:
    | { readonly from: Running; readonly told: string; readonly own: PodTable | undefined; readonly fronts: Fronts }
    | undefined
  let stood: readonly Stood[] = []
  let [text, answering]: [string, Answering] = ['', new Map()]
  let stoodWhenAnswered: readonly Stood[] | undefined
  const prober: Prober | undefined =
    options.services === undefined
      ? undefined
      : createProber({ ...options.services, clock, entropy: options.entropy, onChange })

  const wireGuard = { protocol: 'udp', port: settings.listenPort, program: 'the agent' } as const
  const publishing = createOwnPublishing({
    self: identity.nodeId,
    clock,
    listening: options.services?.listening,
    reserved: [wireGuard],
    onChange,
  })

  const toldOf = createPublishedTold()
  const gate = createOwnGate(options.services?.openGate, (detail) =>
    options.log.warn('nothing is led by names', { reason: detail }),
  )

  const use = (address: Address, at: number): void => {
    const held = usedAt.get(address)
    if (held === undefined && usedAt.size >= 2 * servicesMax) return
    usedAt.set(address, Math.max(held ?? at, at))
  }

  const isUsed = ({ addresses }: Front): boolean => {
    const since = clock.monotonic() - USED_MS
    return addresses.some((address) => (usedAt.get(address) ?? Number.NEGATIVE_INFINITY) > since)
  }

  const verdictOf = (backend: Backend): Verdict => {
    const question = questionOf(backend)
    return question === undefined ? unasked : (prober?.verdict(question) ?? unasked)
  }

  const wayTo = (node: NodeId): Way => {
    const entry = peers.of(node)
    return { path: entry?.path ?? 'none', rttMs: entry?.rttMs, gone: peers.isGone(node) }
  }

  const knownOf = (before: Stood | undefined): Known => {
    const served = new Set(
      Array.from(before?.standing ?? [], ([backend, standing]) => (standing === 'serves' ? keyOf(backend) : undefined)),
    )
    return {
      verdict: verdictOf,
      way: wayTo,
      served: (backend) => served.has(keyOf(backend)),
    }
  }

  const frontsNow = (held: Running): readonly Front[] => {
    const told = `${facts.revision()} ${drain.isOn()}`
    const own = pods.of(identity.nodeId)?.podTable
    if (made?.from !== held || made.told !== told || made.own !== own) {
      const [{ records }, self] = [held.parsed, identity.nodeId]
      const isLeaving = (node: NodeId): boolean =>
        node === self ? drain.isOn() : facts.facts.get(node)?.fact.leaving === true
      const podsOf = (node: NodeId): PodTable | undefined => pods.of(node)?.podTable
      made = { from: held, told, own, fronts: frontsOf({ records, self, isLeaving, tableOf: podsOf }) }
    }
    return made.fronts.fronts
  }

  const followUse = (fronts: readonly Front[]): void => {
    const since = clock.monotonic() - USED_MS
    for (const [address, at] of usedAt) if (at <= since) usedAt.delete(address)
    const asked = fronts
      .filter(isUsed)
      .flatMap((front) => front.backends.flatMap((backend) => questionOf(backend) ?? []))
    if (asked.length > 0 || (prober?.size() ?? 0) > 0) prober?.follow(asked)
  }

  const whyOf = (backend: Backend, state: Standing): string | undefined => {
    if (state !== 'fails' && state !== 'lost') return undefined
    if (state === 'fails' && backend.ready === false) return 'its cluster says that it is not ready'
    return verdictOf(backend).why ?? 'nothing comes back from the node'
  }

  const backendStatus = (backend: Backend, state: Standing): BackendStatus => {
    const { rttMs } = verdictOf(backend)
    const why = whyOf(backend, state)
    return {
      name: backend.name,
      ...(backend.behind === undefined ? {} : { behind: backend.behind }),
      state,
      ...(rttMs === undefined ? {} : { rttMs: Math.round(rttMs * 100) / 100 }),
      ...(why === undefined ? {} : { why }),
    }
  }

  return {
    observe({ used }) {
      gate.follow(listenersOf(publishing.now().ports))
      const now = clock.monotonic()
      for (const [address, agoS] of used ?? []) use(address, now - agoS * 1_000)
      // The table does not lead there any more; a flow that the kernel began before is found at the next look.
      const inside = goneOf(stood.filter(({ front }) => isUsed(front)))
      const gone = [...inside, ...goneOutside(inside, publishing.now().ports)].slice(0, goneMax)
      if (gone.length > 0) void options.services?.end(gone)
    },
    ruleset(held, local) {
      const fronts = frontsNow(held)
      const { ports } = publishing.follow(held, local)
      if (fronts.length === 0 && stood.length === 0) return text
      followUse(fronts)
      const before = new Map(stood.map((one) => [one.front.name, one]))
      stood = fronts.map((front) => {
        const chosen = front.headless ? chooseAll : choose
        return { front, standing: chosen(front.backends, knownOf(before.get(front.name))) }
      })
      const next = renderServices({
        ...tableOf(settings.interface, stood),
        published: ports.filter(({ led }) => led === undefined),
      })
      if (next !== text) text = next
      return text
    },
    headless() {
      if (stoodWhenAnswered === stood) return answering
      const next: Answering = new Map(
        stood.flatMap(({ front, standing }) => (front.headless ? [[front.name, answeredWith(standing)]] : [])),
      )
      if (!isSameAnswer(answering, next)) answering = next
      stoodWhenAnswered = stood
      return answering
    },
    omitted: () => made?.fronts.omitted ?? [],
    unpublished: () => publishing.now().refused,
    named(addresses) {
      const now = clock.monotonic()
      const isNew = addresses.some((address) => !usedAt.has(address))
      for (const address of addresses) use(address, now)
      if (isNew) onChange()
    },
    published: () => toldOf(publishing.now()),
    serving: () => servingOf(publishing.now(), gate.led()),
    status: () =>
      stood.slice(0, servicesShownMax).map(({ front, standing }) => ({
        name: front.name,
        addresses: front.addresses,
        inUse: isUsed(front),
        ...publishedOf(front, publishing.now().ports),
        backends: Array.from(standing, ([backend, state]) => backendStatus(backend, state)),
      })),
    close() {
      prober?.close()
      gate.close()
    },
  }
}
