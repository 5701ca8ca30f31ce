// Every kind of place beside every other: each pair talks, by the best way there can be, and says why.

import { explainText } from '../../../edge/cli/explain-text.ts'
import type { CandidateReport, PathsReport } from '../../../edge/paths/report.ts'
import { systemClock } from '../../../shared/host/clock.ts'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode } from '../shapes.ts'
import { durationText } from '../story.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { type Seen, type Waited, waitFor } from '../wait.ts'

const RELAY = 'public-1'
/** Two of each kind, so that each is also beside its own; `cone-1` and `cone-2` share a LAN. */
const topology: Topology = {
  internet: ['hub', RELAY, 'public-2'],
  sites: [
    { name: 'cone', nat: 'eim', hosts: ['cone-1', 'cone-2'] },
    { name: 'home', nat: 'port-preserving', hosts: ['cone-3'] },
    { name: 'lte', nat: 'eim', carrierNat: true, hosts: ['double-1'] },
    { name: 'lte2', nat: 'eim', carrierNat: true, hosts: ['double-2'] },
    { name: 'strict', nat: 'symmetric', hosts: ['symmetric-1'] },
    { name: 'mobile', nat: 'symmetric', hosts: ['symmetric-2'] },
    { name: 'office', nat: 'udp-blocked', hosts: ['blocked-1'] },
    { name: 'shop', nat: 'udp-blocked', hosts: ['blocked-2'] },
    { name: 'kiosk', nat: 'https-only', hosts: ['https-1'] },
    { name: 'till', nat: 'https-only', hosts: ['https-2'] },
  ],
}
/** Thirteen agents that start at once on two cores. */
const TIMEOUT_MS = 120_000

type Kind = CandidateReport['kind']
type Place = 'public' | 'cone' | 'double' | 'symmetric' | 'blocked' | 'https'

const placeOf = (host: string): Place => host.replace(/-\d+$/, '') as Place
const siteOf = (host: string): string | undefined => topology.sites.find(({ hosts }) => hosts.includes(host))?.name
const hasUdp = (host: string): boolean => placeOf(host) !== 'blocked' && placeOf(host) !== 'https'

/** The best way there can be from one host to another; it may differ from the way back. */
function bestWay(from: string, to: string): Kind {
  const [a, b] = [placeOf(from), placeOf(to)]
  // All of the internet is one segment, on which its hosts see every outside address.
  if (siteOf(from) !== undefined && siteOf(from) === siteOf(to)) return 'lan'
  if (!hasUdp(from) || (from === RELAY && !hasUdp(to))) return 'tls'
  if (!hasUdp(to)) return 'relay'
  if (a === 'public') return 'lan'
  if (b === 'public') return 'direct'
  return a === 'symmetric' || b === 'symmetric' ? 'relay' : 'direct'
}

/** What `explain` says of such a pair where it is not direct. */
function reasonFor(from: string, to: string): string | undefined {
  const way = bestWay(from, to)
  if (way !== 'relay' && way !== 'tls') return undefined
  if (!hasUdp(from)) return 'So this node goes to the relay over TLS'
  if (!hasUdp(to)) return `So ${to} goes to the relay over TLS`
  const both = placeOf(from) === placeOf(to)
  return both ? 'Both ends are behind symmetric NATs' : 'So neither can send the first packet'
}

/** What is not yet as it should be of the ways from a node to all others; nothing where all is. */
function wrongWays(node: LabNode, peers: readonly string[], paths: PathsReport): readonly string[] {
  return peers.flatMap((peer) => {
    const report = paths.peers.find(({ name }) => name === peer)
    const used = report?.candidates.find(({ inUse, lastAnswerAgeMs }) => inUse && lastAnswerAgeMs !== undefined)
    const best = bestWay(node.name, peer)
    if (report === undefined || used?.kind !== best) return [`${peer} by ${used?.kind ?? 'nothing'}, not by ${best}`]
    const reason = reasonFor(node.name, peer)
    const told = explainText(paths, report, systemClock.now())
    return reason === undefined || told.includes(reason) ? [] : [`${peer} for no reason that is told: ${told}`]
  })
}

function allBest({ nodes }: Fleet): Promise<readonly Waited<true>[]> {
  return Promise.all(
    nodes.map((node) => {
      const peers = nodes.filter((other) => other !== node).map(({ name }) => name)
      return waitFor(
        `${node.name} reaches everybody by the best way, and says why`,
        async (): Promise<Seen<true>> => {
          const wrong = wrongWays(node, peers, await node.paths())
          return wrong.length === 0 ? { done: true } : { notYet: wrong.join('; ') }
        },
        { timeoutMs: TIMEOUT_MS, everyMs: 500 },
      )
    }),
  )
}

function tellBest(waited: readonly Waited<true>[]): string {
  const last = Math.max(...waited.map(({ elapsedMs }) => elapsedMs))
  return `${waited.length * (waited.length - 1)} ways, the last after ${durationText(last)}`
}

async function saysWhy(fleet: Fleet): Promise<string> {
  const told = await fleet.node('symmetric-1').cli(['explain', 'symmetric-2'])
  expect(told.includes(`through relay ${RELAY}`), 'the relay is named', told)
  expect(told.includes('Both ends are behind symmetric NATs'), 'and why it is needed', told)
  const checks = [
    ['cone-1', 'one mapping for everybody'],
    ['symmetric-1', 'another mapping for every destination'],
    ['https-1', 'UDP is blocked'],
  ] as const
  for (const [name, nat] of checks) {
    const check = await fleet.node(name).cli(['netcheck'])
    expect(check.includes(nat), `${name} knows its NAT`, check)
  }
  return told.split('\n')[0] ?? ''
}

export const scenario: Scenario = {
  name: 'paths',
  promise: 'whatever stands between two devices, they talk by the best way there can be, and say why',
  shape: { topology, intent: [network, pingPolicy, relayNode(topology, RELAY)], hubPort: 443 },
  alone: true,
  async play(fleet, story) {
    await story.step(
      'every pair answers',
      () => fleet.mesh({ timeoutMs: TIMEOUT_MS }),
      ({ value }) => `${value} answers`,
    )
    await story.step('each by the best way, and says why', () => allBest(fleet), tellBest)
    await story.step(
      'the command line tells it too',
      () => saysWhy(fleet),
      (told) => `“${told}”`,
    )
    await story.step('the hub dies, and nothing changes', async () => {
      await fleet.hub.kill()
      await fleet.mesh()
      await allBest(fleet)
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
