// Resources with their status, and how far each network's newest revision has come.

import { compareText } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import type { Condition } from '../../shared/health.ts'
import { type Name, type NodeId, parseName } from '../../shared/ids.ts'
import type { RenumberStep } from '../../shared/intent/renumber.ts'
import type { AnyResource, Kind, Resource } from '../../shared/intent/resource.ts'
import { healthMax } from '../../shared/limits.ts'
import { formatVersion } from '../../shared/record/head.ts'
import type { AddressUsage } from '../compile/address-usage.ts'
import type { Addresses } from '../compile/addresses.ts'
import { isAddressed, ownerOf, recordIdOf } from '../compile/compile.ts'
import type { FleetNode, RollOut, Shown, Stored } from '../hub.ts'
import type { LockBook } from '../lock/lock-book.ts'
import type { LiveNetwork, Networks } from '../publish/networks.ts'
import type { ResourceCondition } from '../resource-condition.ts'
import type { Rollouts } from '../rollout/rollouts.ts'
import { type Intents, networkNameOf } from '../source/intents.ts'
import type { Enrolment } from '../store/hub-store.ts'
import type { Canaries } from './canaries.ts'
import { conditionsOf, type Situation } from './conditions.ts'
import type { Fleet } from './fleet.ts'
import type { HubGlance } from './glance.ts'
import { wentOut } from './going-out.ts'
import { refusalsIn } from './overlaps.ts'
import { type Member, measure, type Progress } from './progress.ts'
import { publishedAt } from './publishing.ts'
import { type Leader, type Reach, reachOf } from './reach.ts'
import { missingIn } from './renumbering-condition.ts'
import { type Candidate, servingOf } from './serving.ts'
import { uplinkOf } from './uplink.ts'

export interface StatusOptions {
  readonly clock: Clock
  readonly intents: Intents
  readonly addresses: Addresses
  readonly enrolments: ReadonlyMap<Name, Enrolment>
  readonly networks: Networks
  readonly fleet: Fleet
  readonly canaries: () => Pick<Canaries, 'states' | 'waits'>
  readonly locks: Pick<LockBook, 'judge'>
  /** How roll-outs of other agent versions stand. */
  readonly rollouts: () => Pick<Rollouts, 'standings'>
  /** What is wrong with the record of flows of that device. */
  readonly flowFault: (node: NodeId) => Condition | undefined
}

export interface Status {
  show(list: readonly Stored[]): readonly Shown[]
  node(name: Name): FleetNode | undefined
  fleet(): readonly FleetNode[]
  readonly glance: HubGlance<FleetNode>
  rollOut(): readonly RollOut[]
  /** Devices that are waited for, and what they run. */
  readonly members: (network: Name) => readonly Member[]
  /** Members that what follows this step waits for; undefined where the network is not published as it is. */
  readonly missing: (network: Name, step: RenumberStep | undefined) => readonly Name[] | undefined
  /** Forgets what was remembered of a resource that is gone. */
  forget(kind: Kind, name: string): void
}

function sorted(list: readonly LiveNetwork[]): readonly LiveNetwork[] {
  return [...list].sort((a, b) => compareText(a.state.name, b.state.name))
}

/** Right after a write nobody is counted. */
function isCounted(progress: Situation['progress']): progress is Progress {
  return progress !== undefined && progress !== 'unsigned'
}

type Remembered = Map<ResourceCondition['type'], Pick<ResourceCondition, 'status' | 'lastTransitionAt'>>

export function createStatus(options: StatusOptions): Status {
  const { addresses, clock, enrolments, fleet, intents, locks, networks } = options
  const hearsSince = clock.now()
  /** When each condition was first seen to be as it is; one entry per resource. */
  const remembered = new Map<string, Remembered>()

  const transitions = (key: string) => {
    const held = remembered.get(key) ?? new Map()
    remembered.set(key, held)
    return (type: ResourceCondition['type'], status: ResourceCondition['status'], first: number): number => {
      const before = (held as Remembered).get(type)
      const at = before === undefined ? first : before.status === status ? before.lastTransitionAt : clock.now()
      held.set(type, { status, lastTransitionAt: at })
      return at
    }
  }

  const addressesOf = (name: Name): readonly string[] => {
    const node = intents.get('Node', name)?.resource
    return node === undefined ? [] : addresses.of(parseName(networkNameOf(node)), `node/${name}`)
  }

  /** Under a lock an enabled, approved device has no record exactly until it is signed for. */
  const isUnsigned = (name: Name): boolean => {
    const enrolment = enrolments.get(name)
    const live = enrolment?.state === 'approved' ? networks.get(enrolment.network) : undefined
    if (live === undefined || locks.judge(live.state.id) === undefined) return false
    return live.publisher.changedAt(`node/${name}`) === undefined
  }

  const isWaitedFor = (name: Name): boolean => {
    const stored = intents.get('Node', name)
    return stored !== undefined && !(stored.resource as Resource<'Node'>).spec.disabled && !isUnsigned(name)
  }

  const members = (network: Name): readonly Member[] => fleet.members(network, isWaitedFor)

  const withSignatures = (node: FleetNode): FleetNode =>
    node.state !== 'disabled' && isUnsigned(node.name) ? { ...node, state: 'unsigned' } : node

  const leadersIn = (network: Name): readonly Leader[] =>
    members(network).map(({ name, online }) => {
      const node = intents.get('Node', name)?.resource as Resource<'Node'> | undefined
      return { name, online, labels: node?.spec.labels ?? {}, advertise: node?.spec.advertise ?? [] }
    })

  const candidatesIn: (network: Name) => readonly Candidate[] = leadersIn

  const routesIn = (network: Name): readonly Resource<'Route'>[] =>
    intents
      .list('Route')
      .map(({ resource }) => resource as Resource<'Route'>)
      .filter(({ spec }) => spec.network === network)

  /** For several routes at once: members and routes of a network are gathered once. */
  const reaches = (fleetNow: () => readonly FleetNode[]) => {
    const leaders = new Map<Name, readonly Leader[]>()
    const routes = new Map<Name, readonly Resource<'Route'>[]>()
    return (route: Resource<'Route'>, network: Name): Reach => {
      const nodes = leaders.get(network) ?? leadersIn(network)
      leaders.set(network, nodes)
      const siblings = routes.get(network) ?? routesIn(network)
      routes.set(network, siblings)
      return reachOf(route, siblings, nodes, fleetNow())
    }
  }

  const measured = (network: Name) => {
    const live = networks.get(network)
    if (live === undefined) return undefined
    return measure(members(network), live.publisher.version, options.canaries().waits(network))
  }

  const withFlows = (node: FleetNode): FleetNode => {
    const fault = options.flowFault(node.nodeId)
    return fault === undefined ? node : { ...node, health: [...node.health.slice(0, healthMax - 1), fault] }
  }

  const nodeNamed = (name: Name): FleetNode | undefined => {
    const enrolment = enrolments.get(name)
    const shown = enrolment === undefined ? undefined : fleet.show(enrolment.nodeId, addressesOf(name))
    return shown === undefined ? undefined : withSignatures(withFlows(shown))
  }

  const usageIn = (name: Name): readonly AddressUsage[] => {
    const network = intents.get('Network', name)?.resource as Resource<'Network'> | undefined
    return network === undefined ? [] : addresses.usage(name, network.spec)
  }

  const given = (resource: AnyResource): readonly string[] =>
    resource.kind === 'Node' || resource.kind === 'Service'
      ? addresses.of(parseName(networkNameOf(resource)), ownerOf(resource))
      : []

  const show = (list: readonly Stored[]): readonly Shown[] => {
    const measures = new Map<Name, ReturnType<typeof measured>>()
    const candidates = new Map<Name, readonly Candidate[]>()
    const candidatesOf = (network: Name): readonly Candidate[] => {
      const known = candidates.get(network) ?? candidatesIn(network)
      candidates.set(network, known)
      return known
    }
    const progressOf = (network: Name, id: string): Progress | 'unsigned' | undefined => {
      const publisher = networks.get(network)?.publisher
      if (publisher === undefined) return undefined
      const changedAt = publisher.changedAt(id)
      // Right after a write nobody is counted, so that the price of a write does not grow with the fleet.
      if (changedAt === 'unsigned') return 'unsigned'
      if (!measures.has(network)) measures.set(network, measured(network))
      // Without a record (a node that is not enrolled) the newest revision is the one that says so.
      return measures.get(network)?.(changedAt ?? publisher.version)
    }
    let heard: readonly FleetNode[] | undefined
    const fleetNow = (): readonly FleetNode[] => (heard ??= fleet.list(() => []))
    const reachNow = reaches(fleetNow)
    let refusals: ReturnType<typeof refusalsIn> | undefined
    const refusedBy = ({ kind, metadata }: AnyResource, progress: Situation['progress']): Situation['refusedBy'] => {
      if ((kind !== 'Route' && kind !== 'Network') || !isCounted(progress)) return undefined
      refusals ??= refusalsIn(fleetNow())
      return refusals.get(`${kind}/${metadata.name}`) ?? []
    }
    return list.map((stored) => {
      const { resource } = stored
      const network = parseName(networkNameOf(resource))
      const id = recordIdOf(resource)
      const now = resource.kind === 'AgentUpdate' ? undefined : progressOf(network, id)
      const situation: Situation = {
        progress: now,
        refusedBy: refusedBy(resource, now),
        rollout:
          resource.kind === 'AgentUpdate'
            ? options
                .rollouts()
                .standings()
                .find(({ name }) => name === resource.metadata.name)
            : undefined,
        members: resource.kind === 'Network' && resource.spec.renumber !== undefined ? members(network) : undefined,
        usage: resource.kind === 'Network' ? usageIn(network) : undefined,
        serving: resource.kind === 'Service' ? servingOf(resource.spec.backends, candidatesOf(network)) : undefined,
        published:
          resource.kind === 'Service' && resource.spec.publish !== undefined && isCounted(now)
            ? publishedAt(resource, candidatesOf(network), fleetNow())
            : undefined,
        wentOut:
          resource.kind === 'Exit' && isCounted(now) ? wentOut(resource, candidatesOf(network), fleetNow()) : undefined,
        reach: resource.kind === 'Route' && isCounted(now) ? reachNow(resource, network) : undefined,
        node: resource.kind === 'Node' ? nodeNamed(resource.metadata.name) : undefined,
      }
      const { node, progress, rollout } = situation
      const owned = isAddressed(resource)
      const extra = {
        ...(owned ? { addresses: given(resource) } : {}),
        ...(node === undefined ? {} : { uplink: uplinkOf(node, hearsSince, clock.now()) }),
        ...(rollout === undefined ? {} : { rollout, programmed: `${rollout.done}/${rollout.selected}` }),
        ...(progress === undefined || progress === 'unsigned'
          ? {}
          : { programmed: `${progress.acknowledged}/${progress.members}`, revision: formatVersion(progress.version) }),
      }
      return { ...stored, status: { conditions: conditionsOf(stored, situation, transitions(id)), ...extra } }
    })
  }

  return {
    show,
    node: nodeNamed,
    glance: {
      fleetNode: (name) => nodeNamed(name as Name),
      intended: (kind) => intents.list(kind).map(({ resource }) => ({ resource, addresses: given(resource) })),
    },
    fleet: () => fleet.list(addressesOf).map((node) => withSignatures(withFlows(node))),
    rollOut: () =>
      sorted(networks.all()).map(({ publisher, state }) => {
        const now = measured(state.name)?.(publisher.version)
        return {
          network: state.name,
          networkId: state.id,
          version: publisher.version,
          nodes: now?.members ?? 0,
          acknowledged: now?.acknowledged ?? 0,
          pending: now?.pending ?? [],
          offline: now?.offline ?? [],
          confirmed: now?.confirmed ?? 0,
          takenBack: now?.takenBack ?? [],
          waiting: now?.waiting ?? [],
          canaries: options.canaries().states(state.name),
          addresses: usageIn(state.name),
        }
      }),
    members,
    missing(network, step) {
      const changedAt = networks.get(network)?.publisher.changedAt(`network/${network}`)
      const now = changedAt === undefined || changedAt === 'unsigned' ? undefined : measured(network)?.(changedAt)
      return now === undefined ? undefined : missingIn(now, members(network), step)
    },
    forget: (kind, name) => void remembered.delete(`${kind.toLowerCase()}/${name}`),
  }
}
