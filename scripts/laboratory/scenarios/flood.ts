// A flood of junk at everything that listens on the internet: an agent's shared port and a relay's ports. Paths that are
// in use stay as they are, direct and relayed, and so does the link to the hub; what it costs the agent stays bounded.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { portOf } from '../../../shared/address/endpoint.ts'
import { systemClock } from '../../../shared/host/clock.ts'
import { agentCost } from '../agent-cost.ts'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { type PingReport, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode, resource } from '../shapes.ts'
import { internetAddress, type Topology } from '../topology.ts'
import { buildUdpLoad } from '../udp-load.ts'
import { expect } from '../unmet.ts'
import { type Seen, waitFor } from '../wait.ts'
import { reaches } from '../ways.ts'

const topology: Topology = {
  internet: ['hub', 'relay-1', 'open-1', 'mallory'],
  bystanders: ['mallory'],
  sites: [
    { name: 'alpha', nat: 'eim', hosts: ['alpha-1'] },
    { name: 'gamma', nat: 'symmetric', hosts: ['gamma-1'] },
    { name: 'delta', nat: 'symmetric', hosts: ['delta-1'] },
  ],
}
const [RELAY, OPEN] = ['relay-1', 'open-1'].map((name) => internetAddress(topology, name)) as [string, string]
const SECONDS = 5
/** As mallory sees it. */
const CAUGHT = '/var/lib/caught'
const PER_SECOND = 100_000
/** On cores that are busy otherwise it is still a flood. */
const PER_SECOND_MIN = 5_000
/** As a peer: what the kernel lets one endpoint say, and less than would crowd out what the peer itself says. */
const AS_PEER_PER_SECOND = 200
/** The sender, the switches and all agents share the cores of this machine. */
const LOSS_MAX = 0.05
/** Whatever else takes these cores for a moment costs pings, too: it is no flood's doing what the next flood does not do. */
const ATTEMPTS = 3
/** A path that was left because this machine starved it is held down for half a minute. */
const SETTLE_MS_MAX = 60_000
/** Of one core, while it is flooded. */
const CPU_SHARE_MAX = 0.5
const RSS_GROWTH_MIB_MAX = 32

interface Flood {
  readonly to: string
  readonly ports: readonly number[]
  readonly perSecond?: number
  /** Endpoint it claims to come from. */
  readonly as?: readonly [string, number]
}

/** Each pair of ends, with the kind of path between them as the first sees it. */
const PAIRS = [
  ['alpha-1', 'open-1', 'direct'],
  ['gamma-1', 'delta-1', 'relay'],
  ['gamma-1', 'relay-1', 'direct'],
] as const

async function endpointInUse(node: LabNode, peer: string): Promise<string> {
  const { peers } = await node.paths()
  return peers.find(({ name }) => name === peer)?.candidates.find(({ inUse }) => inUse)?.endpoint ?? 'none'
}

async function endpointsInUse(fleet: Fleet): Promise<string> {
  const both = PAIRS.flatMap(([a, b]) => [
    [a, b],
    [b, a],
  ]) as readonly (readonly [string, string])[]
  const all = await Promise.all(both.map(async ([a, b]) => `${a} to ${b} by ${await endpointInUse(fleet.node(a), b)}`))
  return all.join(', ')
}

async function pathsAre(fleet: Fleet, expected: string): Promise<Seen<true>> {
  const now = await endpointsInUse(fleet)
  return now === expected ? { done: true } : { notYet: now }
}

/** The hub, as each agent saw it since the flood began. */
async function linksStood(fleet: Fleet, sinceMs: number): Promise<void> {
  const lost: string[] = []
  for (const node of fleet.nodes) {
    const { hub } = await node.status()
    if (!hub.connected || hub.since > sinceMs) lost.push(node.name)
  }
  expect(lost.length === 0, 'every link to the hub stays up', `${lost.join(', ')} lost it`)
}

interface Outcome {
  readonly sentPerSecond: number
  readonly pings: readonly PingReport[]
  readonly cpuShare: number
  readonly growthMiB: number
}

async function floodOnce(fleet: Fleet, target: LabNode, flood: Flood): Promise<Outcome> {
  const before = await endpointsInUse(fleet)
  const cost = agentCost(target.host)
  const watches = await Promise.all(
    PAIRS.map(async ([a, b]) => watchPing(fleet.node(a).host, await fleet.node(b).address(), 20)),
  )
  const words = [flood.to, flood.ports.join(','), String(SECONDS), String(flood.perSecond ?? PER_SECOND), CAUGHT]
  const said = await fleet.net.host('mallory').exec(['udp-load', 'junk', ...words, ...(flood.as ?? []).map(String)])
  const spent = agentCost(target.host)
  const pings = await Promise.all(watches.map((watch) => watch.stop()))
  await waitFor(`all paths as before: ${before}`, () => pathsAre(fleet, before), { timeoutMs: SETTLE_MS_MAX })
  return {
    sentPerSecond: Number(said),
    pings,
    cpuShare: (spent.cpuMs - cost.cpuMs) / (SECONDS * 1_000),
    growthMiB: spent.rssMiB - cost.rssMiB,
  }
}

function isHarmless({ pings }: Outcome): boolean {
  return pings.every(({ lost, sent }) => lost <= sent * LOSS_MAX)
}

async function underFlood(fleet: Fleet, target: LabNode, flood: Flood): Promise<Outcome> {
  const beganAt = systemClock.now()
  let outcome = await floodOnce(fleet, target, flood)
  for (let more = ATTEMPTS - 1; more > 0 && !isHarmless(outcome); more--) {
    outcome = await floodOnce(fleet, target, flood)
  }
  const told = tell(outcome)
  const least = Math.min(PER_SECOND_MIN, (flood.perSecond ?? PER_SECOND) / 2)
  expect(outcome.sentPerSecond >= least, `at least ${least} packets of junk a second`, told)
  expect(isHarmless(outcome), `at most ${LOSS_MAX * 100} % of pings lost`, told)
  expect(outcome.cpuShare <= CPU_SHARE_MAX, `the agent takes at most ${CPU_SHARE_MAX} of a core`, told)
  expect(outcome.growthMiB <= RSS_GROWTH_MIB_MAX, `it grows by at most ${RSS_GROWTH_MIB_MAX} MiB`, told)
  await linksStood(fleet, beganAt)
  return outcome
}

function tell({ cpuShare, growthMiB, pings, sentPerSecond }: Outcome): string {
  const lost = pings.map((report) => `${report.lost} of ${report.sent} (${report.gapMs} ms)`).join(', ')
  const cost = `${(cpuShare * 100).toFixed(0)} % of a core, ${growthMiB.toFixed(1)} MiB more`
  return `${sentPerSecond} packets/s; pings lost: ${lost}; the agent: ${cost}`
}

/** Frames that open-1 and relay-1 send and are sent, for playing them again. */
async function catchFrames(fleet: Fleet): Promise<void> {
  const heard = await Promise.all(
    ['open-1', 'relay-1'].map((name) => fleet.net.host(name).exec(['udp-load', 'catch', '3'])),
  )
  writeFileSync(join(fleet.net.host('mallory').lib, 'caught'), heard.join(''))
  expect(
    heard.every((one) => one !== ''),
    'frames pass',
    'none were caught',
  )
}

export const scenario: Scenario = {
  name: 'flood',
  promise: 'junk at 100,000 packets a second, sent to an agent or a relay, costs no path and no link',
  shape: {
    topology,
    intent: [
      network,
      pingPolicy,
      relayNode(topology, 'relay-1'),
      resource('Node', 'open-1', { publicEndpoint: `${OPEN}:51820` }),
    ],
  },
  alone: true,
  async play(fleet, story) {
    const [gamma, open, relay] = [fleet.node('gamma-1'), fleet.node('open-1'), fleet.node('relay-1')]
    await story.step('every pair answers', () => fleet.mesh())
    const warm = await Promise.all(
      PAIRS.map(async ([a, b]) => watchPing(fleet.node(a).host, await fleet.node(b).address(), 100)),
    )
    await story.step('one pair directly, one through the relay', () =>
      Promise.all(PAIRS.map(([a, b, kind]) => reaches(fleet.node(a), b, kind))),
    )
    buildUdpLoad(join(fleet.net.directory.path, 'bin'))
    await story.step('frames of theirs are caught on the way', () => catchFrames(fleet))
    await Promise.all(warm.map((watch) => watch.stop()))
    const session = portOf((await reaches(gamma, 'delta-1', 'relay')).value.endpoint)
    const peerAt = await endpointInUse(open, 'alpha-1')
    await story.step(
      'junk and caught frames at an agent’s ports',
      () => underFlood(fleet, open, { to: OPEN, ports: [51_820, 51_821] }),
      tell,
    )
    await story.step(
      'the same, as if from its peer',
      () =>
        underFlood(fleet, open, {
          to: OPEN,
          ports: [51_820],
          perSecond: AS_PEER_PER_SECOND,
          as: [peerAt.replace(/:\d+$/, ''), Number(peerAt.split(':').at(-1))],
        }),
      tell,
    )
    await story.step(
      'at the relay, its session ports, and the agent beside it',
      () => underFlood(fleet, relay, { to: RELAY, ports: [3_478, 3_479, session, session + 1, 51_820, 51_821] }),
      tell,
    )
    await story.step('every pair still answers', () => fleet.mesh())
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
