// Every kind of NAT beside every other: each pair talks, by the best way there can be, and says why.

import type { CandidateReport, PathsReport } from '../../../edge/paths/report.ts'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { type Seen, type Waited, waitFor } from '../wait.ts'
import { reaches } from '../ways.ts'

const topology: Topology = {
  internet: ['hub', 'public-1'],
  sites: [
    { name: 'cone', nat: 'eim', hosts: ['cone-1'] },
    { name: 'home', nat: 'port-preserving', hosts: ['home-1'] },
    { name: 'office', nat: 'eim', hosts: ['office-1', 'office-2'] },
    { name: 'lte', nat: 'eim', carrierNat: true, hosts: ['lte-1'] },
    { name: 'strict', nat: 'symmetric', hosts: ['strict-1'] },
    { name: 'mobile', nat: 'symmetric', hosts: ['mobile-1'] },
  ],
}
type Kind = CandidateReport['kind']

/** The best way there can be, whichever end is asked. */
const EXPECTED: readonly (readonly [string, string, Kind])[] = [
  ['office-1', 'office-2', 'lan'],
  ['cone-1', 'lte-1', 'direct'],
  ['cone-1', 'home-1', 'direct'],
  ['cone-1', 'strict-1', 'relay'],
  ['lte-1', 'mobile-1', 'relay'],
  ['strict-1', 'mobile-1', 'relay'],
]

async function bestPaths(fleet: Fleet): Promise<number> {
  await Promise.all(
    EXPECTED.flatMap(([a, b, kind]) => [reaches(fleet.node(a), b, kind), reaches(fleet.node(b), a, kind)]),
  )
  return EXPECTED.length
}

/** Two observers have to speak first. */
function knowsItsNat(node: LabNode, expected: PathsReport['natType']): Promise<Waited<true>> {
  return waitFor(
    `${node.name} knows that its NAT is ${expected}`,
    async (): Promise<Seen<true>> => {
      const { mapped, natType } = await node.paths()
      return natType === expected ? { done: true } : { notYet: `${natType}, seen as ${mapped.join(', ') || 'nothing'}` }
    },
    { timeoutMs: 30_000 },
  )
}

async function saysWhy(fleet: Fleet): Promise<string> {
  const told = await fleet.node('strict-1').cli(['explain', 'mobile-1'])
  expect(told.includes('through relay public-1'), 'the relay is named', told)
  expect(told.includes('Both ends are behind symmetric NATs'), 'and why it is needed', told)
  await knowsItsNat(fleet.node('cone-1'), 'endpoint-independent')
  const check = await fleet.node('cone-1').cli(['netcheck'])
  expect(/NAT +one mapping for everybody/.test(check), 'cone-1 knows its NAT', check)
  return told.split('\n')[0] ?? ''
}

export const scenario: Scenario = {
  name: 'paths',
  promise: 'whatever stands between two devices, they talk by the best way there can be, and say why',
  shape: { topology, intent: [network, pingPolicy, relayNode(topology, 'public-1')] },
  async play(fleet, story) {
    await story.step(
      'every pair answers',
      () => fleet.mesh(),
      ({ value }) => `${value} answers`,
    )
    await story.step(
      'each by the best way',
      () => bestPaths(fleet),
      (pairs) => `${pairs} kinds of pairs`,
    )
    await story.step(
      'and they say why',
      () => saysWhy(fleet),
      (told) => `“${told}”`,
    )
    await story.step('the hub dies, and nothing changes', async () => {
      await fleet.hub.kill()
      await fleet.mesh()
      await bestPaths(fleet)
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
