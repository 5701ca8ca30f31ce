// How an agent is, gathered from its parts: what its status and its reports are made of.

import type { Condition } from '../shared/health.ts'
import { noVersion } from '../shared/record/head.ts'
import type { Agent, AgentOptions } from './agent.ts'
import type { Running } from './agent-link.ts'
import type { Parts } from './agent-parts.ts'
import type { OwnTurns } from './apply/own-turns.ts'
import type { OwnGossip } from './gossip/own-gossip.ts'
import { noLink } from './link/hub-link.ts'
import type { OwnOverrides } from './override/own-overrides.ts'
import { lockStatus } from './report/lock-health.ts'
import { renumberingStatus } from './report/renumbering.ts'
import { agentStatus, type HubModel, type Model } from './report/report.ts'
import type { Intake } from './trust/intake.ts'
import { rootStatus } from './trust/own-root.ts'

function merged(own: readonly Condition[], host: readonly Condition[]): readonly Condition[] {
  if (host.length === 0) return own
  const codes = new Set(host.map((condition) => condition.code))
  return [...host, ...own.filter((condition) => !codes.has(condition.code))]
}

export interface Models {
  /** What the agent answers of itself. */
  readonly answers: Pick<Agent, 'status' | 'addresses' | 'drain' | 'hasPeerAt' | 'history' | 'mirror'>
  hub(): HubModel
}

/** Who has something to tell of itself. */
interface Told {
  readonly intake: Pick<Intake, 'origin'>
  readonly gossip: Pick<OwnGossip, 'status' | 'hearsay'>
  readonly overrides: OwnOverrides
}

export function createModels(
  options: AgentOptions,
  parts: Parts,
  turns: OwnTurns,
  running: Running,
  { gossip, intake, overrides }: Told,
): Models {
  const { clock, health, holding, members, mode, paths, peers, started, uplinks } = parts
  const addresses: Agent['addresses'] = () => members.me()?.addresses ?? []
  const hub = (): HubModel => {
    const applied = turns.applied()
    const trials = running.confirm?.view() ?? {}
    return {
      settings: options.settings,
      clock,
      boot: running.announcer?.boot() ?? 0,
      startedAt: started.wall,
      addresses: addresses(),
      revision: {
        held: holding.held()?.version ?? noVersion,
        applied,
        lastGood: running.confirm === undefined ? applied : (holding.lastGood()?.version ?? noVersion),
        ...(trials.quarantine === undefined ? {} : { quarantined: trials.quarantine.version }),
        ...trials,
      },
      peers,
      rttUs: (node) => parts.histories.rttUs(node),
      uplink: parts.quality.view(),
      routers: turns.routers(),
      published: parts.services.published(),
      update: running.update?.view(),
      order: running.orders?.view(),
      commands: options.commands?.kinds,
      health: merged(health.visible(), options.hostConditions?.() ?? []),
    }
  }
  const whole = (): Model => ({
    ...hub(),
    identity: options.identity,
    startedMonotonic: started.monotonic,
    origin: intake.origin(),
    signedAt: holding.held()?.head.issuedAt,
    rootKey: rootStatus(parts.root, options.sha256),
    membershipLock: lockStatus(holding),
    renumbering: renumberingStatus(holding.inForce()?.parsed.records.network?.spec),
    overrides: overrides.book.views(),
    kubernetes: parts.ownPods.view(),
    mirror: parts.mirror.people.view(),
    names: parts.names.status(),
    services: parts.services.status(),
    drains: parts.drain.isOn(),
    leads: turns.leads(),
    relay: members.me()?.relay,
    mode: mode.now(),
    link: running.link?.state() ?? noLink,
    nextTryInMs: running.link?.nextTryInMs(),
    defaultRoute: options.uplinks === undefined ? undefined : uplinks.report().length > 0,
    relays: paths.mapping().relays,
    hearsay: gossip.hearsay(),
    gossip: gossip.status(),
    upkeep: parts.upkeep.status(),
  })
  return {
    hub,
    answers: {
      status: () => agentStatus(whole()),
      addresses,
      hasPeerAt: (address) => members.hasPeerAt(address),
      history: (node) => parts.histories.of(node),
      drain: parts.drain,
      mirror: parts.mirror.people,
    },
  }
}
