// Roll-outs of agent versions at the hub: looks at them every few seconds, keeps what was decided, and tells devices what to run.
// What devices report decides what they are told, so nothing is lost with a message, a restart or a backup.

import * as v from 'valibot'
import { compareText } from '../../shared/bytes.ts'
import type { Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { parseName } from '../../shared/ids.ts'
import { isInWindow } from '../../shared/intent/agent-update.ts'
import { selects } from '../../shared/intent/field.ts'
import type { AnyResource, Resource } from '../../shared/intent/resource.ts'
import type { Order } from '../../shared/wire/order.ts'
import type { StatusReport } from '../../shared/wire/report.ts'
import type { Actor } from '../audit.ts'
import type { Hub, HubEvent, HubOptions, Stored } from '../hub.ts'
import type { Networks } from '../publish/networks.ts'
import type { Intents } from '../source/intents.ts'
import type { HubStore } from '../store/hub-store.ts'
import { decide, type RollMember, type RollState, rollState } from './decide.ts'
import type { RollStanding } from './standing.ts'
import { createTeller } from './teller.ts'

/** A device as the fleet knows it. */
export interface Reporting {
  readonly nodeId: NodeId
  readonly name: Name
  readonly online: boolean
  readonly report?: StatusReport | undefined
}

export interface RolloutsParts {
  readonly networks: Pick<Networks, 'get'>
  readonly store: Pick<HubStore, 'value' | 'putValue'>
  readonly intents: Pick<Intents, 'get' | 'of'>
  /** Approved devices of the network. */
  readonly members: (network: Name) => readonly Reporting[]
  /** A canary of the network lets some nodes go first. */
  readonly isCanary: (network: Name) => boolean
  readonly emit: (event: HubEvent) => void
  readonly note: Hub['note']
}

export interface Rollouts {
  /** Throws where it is to begin, and its release is not here. */
  check(resource: AnyResource): void
  /** By name. */
  standings(): readonly RollStanding[]
  start(): void
  stop(): void
}

/** Five thousand devices are looked at in milliseconds; without a roll-out hardly ever. */
const LOOK_MS = 2_000
const IDLE_MS = 30_000
/** A device that says nothing of an order it was told is told again. */
const AGAIN_MS = 60_000
/** The name under which the store keeps what was decided. */
const KEY = 'rollouts'
const hubActor: Actor = { name: 'hub', role: 'admin' }
const kept = v.record(v.string(), rollState)

type Update = Resource<'AgentUpdate'>
type Held = { readonly resource: Update } & Omit<Stored, 'resource'>

export function createRollouts(options: HubOptions, parts: RolloutsParts): Rollouts {
  const { clock, log, releases } = options
  const { intents, note, store } = parts
  const send = createTeller(options, parts.networks)
  let states = new Map<string, RollState>()
  let standings: readonly RollStanding[] = []
  const toldAt = new Map<NodeId, { readonly serial: number; readonly at: number }>()
  /** Undefined until they were looked at for the first time. */
  let releasesKnown: ReadonlySet<string> | undefined
  let timer: Timer | undefined

  /** The youngest first: of two that select one device it is the one that counts. */
  const updates = (): readonly Held[] =>
    ([...intents.of('AgentUpdate')] as unknown as readonly Held[]).toSorted(
      (a, b) => b.createdAt - a.createdAt || compareText(a.resource.metadata.name, b.resource.metadata.name),
    )

  const labelsOf = (name: Name) => (intents.get('Node', name)?.resource as Resource<'Node'> | undefined)?.spec.labels

  const asMember = ({ name, nodeId, online, report }: Reporting): RollMember => ({
    nodeId,
    name,
    labels: labelsOf(name) ?? {},
    online,
    onTrial: report?.update?.trial !== undefined,
    ...(report === undefined ? {} : { version: report.version }),
    ...(report?.order === undefined ? {} : { order: report.order }),
  })

  const tell = (network: Name, { name, nodeId }: RollMember, order: Omit<Order, 'network' | 'node'>): void => {
    const last = toldAt.get(nodeId)
    const now = clock.monotonic()
    if (last?.serial === order.serial && now - last.at < AGAIN_MS) return
    toldAt.set(nodeId, { serial: order.serial, at: now })
    log.info('a device is told', { node: name, update: order.update, withdrawn: order.release === undefined })
    send(network, { node: nodeId, ...order })
  }

  /** Has heard of an order, and done nothing of it that can't be left. */
  const isOpen = ({ order }: RollMember): boolean => order?.state === 'waiting' || order?.state === 'fetching'

  const orderTo = (network: Name, member: RollMember, held: Held | undefined, state: RollState | undefined): void => {
    if (!member.online || member.order === undefined) return
    const { order: heard, nodeId } = member
    const chosen = state?.nodes[nodeId]
    const release = held === undefined ? undefined : releases?.of(held.resource.spec.version)
    const goes = state?.halted === undefined && held?.resource.spec.paused === false && chosen?.done !== true
    if (held !== undefined && state !== undefined && chosen !== undefined && goes && release !== undefined) {
      if (heard.serial >= state.serial || !isInWindow(held.resource.spec.window, clock.now())) return
      const { allowDowngrade } = held.resource.spec
      const downgrade = allowDowngrade ? { downgrade: true } : {}
      const update = held.resource.metadata.name
      tell(network, member, { serial: state.serial, update, release: release.signed, ...downgrade })
    } else if (isOpen(member)) {
      const update = held?.resource.metadata.name ?? parseName('none')
      tell(network, member, { serial: heard.serial + 1, update })
    }
  }

  const keep = (next: Map<string, RollState>): void => {
    const text = JSON.stringify(Object.fromEntries([...next].sort((a, b) => compareText(a[0], b[0]))))
    states = next
    if (text !== (store.value(KEY) ?? '{}')) store.putValue(KEY, text)
  }

  const tellChange = (
    { chosen, done, haltedBy, name, phase, version, wave, waves }: RollStanding,
    before: RollStanding | undefined,
  ): void => {
    const target = `agentupdate/${name}`
    const was = before?.version === version ? before : undefined
    if (wave > (was?.wave ?? 0))
      note(hubActor, 'open-wave', target, `${version}: wave ${wave} of ${waves}, ${chosen} devices`)
    if (phase === 'halted' && was?.phase !== 'halted') {
      log.warn('a roll-out of the agent is halted', { update: name, version, reason: haltedBy ?? '' })
      note(hubActor, 'halt', target, `${version}: ${haltedBy}`.slice(0, 500))
    }
    if (phase === 'complete' && was?.phase !== 'complete')
      note(hubActor, 'complete', target, `${version}: ${done} devices`)
    if (was?.phase !== phase || was.wave !== wave || was.done !== done || was.failed.length !== before?.failed.length)
      parts.emit({ type: 'update', name, phase, wave, done })
  }

  /** They are laid there and taken away beside the hub: what it notices stands in its audit log. */
  const noteReleases = (): void => {
    const now = new Set((releases?.list() ?? []).map(({ manifest }) => manifest.version))
    const before = releasesKnown ?? now
    releasesKnown = now
    for (const version of now) if (!before.has(version)) note(hubActor, 'add', `release/${version}`)
    for (const version of before) if (!now.has(version)) note(hubActor, 'remove', `release/${version}`)
  }

  const whyHeld = (network: Name, { version, window }: Update['spec']): string | undefined => {
    if (releases?.of(version) === undefined) return `release ${version} is not here: holdfast-hub release add DIR`
    if (!isInWindow(window, clock.now())) return `it is not between ${window?.from} and ${window?.to} UTC`
    return parts.isCanary(network) ? 'a canary of intent lets some nodes go first' : undefined
  }

  const lookAt = (network: Name, list: readonly Held[], next: Map<string, RollState>): readonly RollStanding[] => {
    let left = parts.members(network).map(asMember)
    const found: RollStanding[] = []
    for (const one of list) {
      const { metadata, spec } = one.resource
      const mine = left.filter(({ labels }) => selects(spec.selector, labels))
      left = left.filter((member) => !mine.includes(member))
      const { name } = metadata
      const before = states.get(name)
      const { generation } = one
      const held = whyHeld(network, spec)
      const decided = decide({ name, spec, generation, state: before, members: mine, now: clock.now(), held })
      next.set(name, decided.state)
      found.push({ name, network, version: spec.version, ...decided.standing })
      for (const member of mine) orderTo(network, member, one, decided.state)
    }
    // Whom no update selects any more is told so.
    for (const member of left) orderTo(network, member, undefined, undefined)
    return found
  }

  const look = (): void => {
    const isIdle = states.size === 0 && [...intents.of('AgentUpdate')].length === 0
    timer = clock.after(isIdle ? IDLE_MS : LOOK_MS, look)
    try {
      noteReleases()
      const networks = [...intents.of('Network')].map(({ resource }) => resource.metadata.name)
      const all = updates()
      const next = new Map<string, RollState>()
      const found = networks.flatMap((network) =>
        lookAt(
          network,
          all.filter(({ resource }) => resource.spec.network === network),
          next,
        ),
      )
      keep(next)
      const before = new Map(standings.map((one) => [one.name, one]))
      standings = found.toSorted((a, b) => compareText(a.name, b.name))
      for (const one of standings) tellChange(one, before.get(one.name))
    } catch (error) {
      log.warn('the roll-outs cannot be looked at', { reason: describeError(error) })
    }
  }

  /** There may be something to look at, once whoever wants it is done. */
  const soon = (): void => {
    if (timer === undefined) return
    timer.cancel()
    timer = clock.after(LOOK_MS, look)
  }

  return {
    check(resource) {
      if (resource.kind !== 'AgentUpdate') return
      soon()
      // A paused one may be written down before its release is here.
      if (resource.spec.paused) return
      const field = `AgentUpdate/${resource.metadata.name} spec.version`
      const { version } = resource.spec
      if (releases?.of(version) !== undefined) return
      const there = (releases?.list() ?? []).map(({ manifest }) => manifest.version).join(', ')
      throw new HoldfastError('invalid', `this hub holds no release ${version}`, {
        field,
        remedy: `Lay it there: \`holdfast-hub release add DIR\`. ${there === '' ? 'There is none yet.' : `There are: ${there}.`}`,
      })
    },
    standings: () => standings,
    start() {
      states = new Map(Object.entries(v.parse(kept, JSON.parse(store.value(KEY) ?? '{}'))))
      timer = clock.after(0, look)
    },
    stop() {
      timer?.cancel()
      timer = undefined
    },
  }
}
