// The figures of this node as metrics, made of what `holdfast status --json` shows. Names of their own throughout, also for the
// process: node_exporter's textfile collector refuses a name that it has already.

import { compareText } from '../../shared/bytes.ts'
import type { ProcessCost } from '../../shared/host/process.ts'
import { counter, type Family, gauge, type Sample } from '../../shared/metrics-text.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import type { AgentStatus } from '../agent.ts'
import { kubernetesFamilies } from './kubernetes-families.ts'

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000
}

function hubFamilies({ cutOff, hub, mode, modeSince }: AgentStatus): readonly Family[] {
  return [
    gauge(
      'holdfast_agent_online',
      '1 while the hub is there, 0 while this node works by itself.',
      Number(mode === 'online'),
    ),
    gauge('holdfast_agent_mode_since_timestamp_seconds', 'Since when that holds.', modeSince / 1_000),
    gauge(
      'holdfast_agent_hub_last_contact_timestamp_seconds',
      'When the hub was last there.',
      seconds(hub.lastContact),
    ),
    gauge('holdfast_agent_hub_failures', 'Tries of the link that failed in a row.', hub.failure?.count ?? 0),
    gauge('holdfast_agent_hub_next_try_seconds', 'Seconds until the link is tried again.', hub.nextTryInS),
    gauge(
      'holdfast_agent_waits_for',
      'What has to come back before the hub can.',
      cutOff === undefined ? [] : [[{ what: cutOff.waitsFor }, 1]],
    ),
    gauge(
      'holdfast_agent_hub_heard_by_peers',
      'Peers that say they hear the hub, three at most, while this node does not.',
      cutOff?.hubHeardBy.length,
    ),
  ]
}

function revisionFamilies({ revision }: AgentStatus): readonly Family[] {
  const { applied, held, lastGood, newestHeard, quarantine, signedAt, trial, waiting } = revision
  const heard = newestHeard === undefined || compareVersion(newestHeard.version, held) <= 0 ? held : newestHeard.version
  const each: readonly (readonly [string, Version])[] = [
    ['held', held],
    ['applied', applied],
    ['last-good', lastGood],
    ['heard', heard],
  ]
  const samples = (value: (version: Version) => number): readonly Sample[] =>
    each.map(([which, version]): Sample => [{ which }, value(version)])
  return [
    gauge(
      'holdfast_agent_intent_epoch',
      'Epoch of the intent that is held, applied, proven, and the newest that a peer told of.',
      samples(({ epoch }) => epoch),
    ),
    gauge(
      'holdfast_agent_intent_revision',
      'Revision within that epoch.',
      samples((version) => version.revision),
    ),
    gauge(
      'holdfast_agent_intent_signed_timestamp_seconds',
      'When the hub signed what is held, by its clock.',
      seconds(signedAt),
    ),
    gauge('holdfast_agent_intent_state', '1 where a revision is on trial, in quarantine, or waits for a canary.', [
      [{ state: 'trial' }, Number(trial !== undefined)],
      [{ state: 'quarantine' }, Number(quarantine !== undefined)],
      [{ state: 'waiting' }, Number(waiting !== undefined)],
    ]),
  ]
}

function healthFamilies({ health, overrides }: AgentStatus): readonly Family[] {
  const active = overrides.filter(({ state }) => state === 'active')
  const conditions = [...health].sort((a, b) => compareText(a.code, b.code))
  return [
    gauge(
      'holdfast_agent_condition',
      'Health conditions that hold.',
      conditions.map(({ code, severity }): Sample => [{ code, severity }, 1]),
    ),
    gauge(
      'holdfast_agent_condition_since_timestamp_seconds',
      'Since when they do.',
      conditions.map(({ code, since }): Sample => [{ code }, since / 1_000]),
    ),
    gauge('holdfast_agent_overrides', 'Policy overrides by hand that hold.', active.length),
  ]
}

function upkeepFamilies({ upkeep }: AgentStatus): readonly Family[] {
  return [
    gauge(
      'holdfast_agent_upkeep_today_bytes',
      'What being reachable has cost since midnight, UTC, while nobody uses this node.',
      Object.entries(upkeep.by).map(([kind, bytes]): Sample => [{ kind }, bytes]),
    ),
    gauge('holdfast_agent_upkeep_budget_bytes', 'What it may cost a day.', upkeep.budgetBytesPerDay),
    gauge(
      'holdfast_agent_upkeep_thrift',
      '0: nothing is spared. 1: looks and reports. 2: all relays but one.',
      upkeep.thrift,
    ),
  ]
}

function gossipFamilies({ gossip }: AgentStatus): readonly Family[] {
  return [
    counter('holdfast_agent_gossip_words_total', 'Words in single datagrams.', [
      [{ direction: 'said' }, gossip.said],
      [{ direction: 'heard' }, gossip.heard],
    ]),
    counter('holdfast_agent_gossip_facts_spread_total', 'Facts passed on.', gossip.factsSpread),
    counter('holdfast_agent_gossip_exchanges_total', 'Exchanges with peers, by who began them.', [
      [{ by: 'self' }, gossip.begun],
      [{ by: 'peer' }, gossip.served],
    ]),
    counter('holdfast_agent_gossip_exchange_failures_total', 'Exchanges that failed.', gossip.failed),
    counter('holdfast_agent_gossip_refused_total', 'What was no word, or came from nobody who may.', gossip.refused),
    gauge(
      'holdfast_agent_gossip_last_exchange_timestamp_seconds',
      'Last exchange that went well.',
      seconds(gossip.last?.at),
    ),
  ]
}

function processFamilies({ cpuSeconds, openFiles, residentBytes }: ProcessCost): readonly Family[] {
  return [
    gauge('holdfast_agent_resident_memory_bytes', 'Resident memory of the agent.', residentBytes),
    counter('holdfast_agent_cpu_seconds_total', 'Time of the processor that the agent took.', cpuSeconds),
    gauge('holdfast_agent_open_fds', 'Open file descriptors of the agent.', openFiles),
  ]
}

export function agentFamilies(status: AgentStatus, cost: ProcessCost): readonly Family[] {
  const { membershipLock, network, node, uptimeS, version } = status
  return [
    gauge('holdfast_agent_info', 'The version that runs, and as whom.', [[{ version, node, network }, 1]]),
    gauge('holdfast_agent_uptime_seconds', 'Seconds since the agent started.', uptimeS),
    ...hubFamilies(status),
    ...revisionFamilies(status),
    ...healthFamilies(status),
    gauge(
      'holdfast_agent_members_left_out',
      'Members whom the membership lock does not admit.',
      membershipLock?.leftOut.length,
    ),
    ...kubernetesFamilies(status.kubernetes),
    ...upkeepFamilies(status),
    ...gossipFamilies(status),
    ...processFamilies(cost),
  ]
}
