// The mesh as the hub's backup: the hub is gone for good, newer intent comes by a file to one node, and all have it; a node that
// was away meets one peer that knows; who was removed is out everywhere.

import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { homeSite, network, pingPolicy, relayNode, resource } from '../shapes.ts'
import { durationText } from '../story.ts'
import { outsideOf, type Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { type Seen, waitFor } from '../wait.ts'

const topology: Topology = {
  internet: ['hub', 'relay-1'],
  sites: [
    homeSite('alpha', ['alpha-1', 'alpha-2']),
    { name: 'beta', nat: 'eim', hosts: ['beta-1', 'beta-2'] },
    { name: 'gamma', nat: 'symmetric', hosts: ['gamma-1', 'gamma-2'] },
  ],
}
/** The promise; the test machine may be busy, so what is asserted is twice as much. */
const SPREAD_MS = 10_000
const TIMEOUT_MS = 60_000
const FILE = '/var/lib/intent.hf'

function held(node: LabNode): Promise<number> {
  return node.status().then(({ revision }) => revision.held.revision)
}

/** Waits until every one of the nodes applied the revision; returns how long it took. */
async function allApply(nodes: readonly LabNode[], revision: number): Promise<number> {
  const { elapsedMs } = await waitFor(
    `${nodes.length} nodes apply revision ${revision}`,
    async () => {
      const states = await Promise.all(nodes.map((node) => node.status()))
      const late = states.filter((status) => status.revision.applied.revision < revision)
      return late.length === 0 ? { done: true } : { notYet: late.map(({ node }) => node).join(', ') }
    },
    { timeoutMs: TIMEOUT_MS, everyMs: 100 },
  )
  return elapsedMs
}

/** Carries the file from one host to the other, as a person with a stick does. */
async function carry(from: LabNode, to: LabNode): Promise<void> {
  await from.cli(['export', FILE])
  const base64 = await from.host.exec(['base64', '-w0', FILE])
  await to.host.exec(['sh', '-c', `base64 -d > ${FILE}`], { input: base64 })
}

async function sources(nodes: readonly LabNode[]): Promise<string> {
  const told = await Promise.all(nodes.map(async (node) => ({ node, source: (await node.status()).revision.source })))
  return told
    .map(({ node, source }) => `${node.name} from ${source?.by === 'peer' ? source.peer : (source?.by ?? 'enrolment')}`)
    .join(', ')
}

/** No kernel has the removed node as a peer any more. */
async function isOut(nodes: readonly LabNode[], address: string): Promise<void> {
  for (const node of nodes) {
    const allowed = await node.host.exec(['wg', 'show', 'hf0', 'allowed-ips'])
    expect(!allowed.includes(`${address}/`), `${node.name} has no peer ${address}`, allowed)
  }
}

export const scenario: Scenario = {
  name: 'gossip',
  promise: 'with the hub gone for good, newer intent reaches every node through the others, and who was removed is out',
  shape: {
    topology,
    intent: [
      network,
      pingPolicy,
      relayNode(topology, 'relay-1'),
      resource('Node', 'alpha-1', { publicEndpoint: `${outsideOf(topology, 'alpha')}:51820` }),
    ],
  },
  async play(fleet, story) {
    const { hub, nodes } = fleet
    const [courier, away, revoked] = [fleet.node('alpha-2'), fleet.node('beta-2'), fleet.node('gamma-2')]
    const six = nodes.filter((node) => node !== fleet.node('relay-1'))
    await story.step('a fleet of six on three sites, and a relay', () => fleet.mesh())
    const revokedAddress = await revoked.address()
    const before = await held(courier)
    await story.step(
      'all agents but one are stopped while the hub removes gamma-2 and changes the policy',
      async () => {
        for (const node of nodes) if (node !== courier) await node.end('SIGKILL')
        await hub.cli(['delete', 'node', 'gamma-2'])
        await hub.apply({ ...pingPolicy, metadata: { name: 'ping-again' } })
        const look = async (): Promise<Seen<true>> => {
          const now = await held(courier)
          return now >= before + 2 ? { done: true } : { notYet: `revision ${now}` }
        }
        await waitFor('the one has the newest', look, { timeoutMs: TIMEOUT_MS })
      },
    )
    const newest = await held(courier)
    await story.step('it writes what it knows into a file and is switched off; the hub is destroyed', async () => {
      await carry(courier, fleet.node('alpha-1'))
      await courier.host.powerOff()
      await hub.kill()
      await hub.host.powerOff()
    })
    const others = nodes.filter((node) => node !== courier)
    await story.step('the others are started, without a hub, on the older revision', async () => {
      for (const node of others) if (node !== away) await node.start()
      const there = others.filter((node) => node !== away)
      await fleet.mesh({ among: there })
      for (const node of there) expect((await held(node)) < newest, `${node.name} is behind`, String(await held(node)))
    })
    const living = others.filter((node) => node !== away && node !== revoked)
    await story.step(
      'one of them takes the file, and all have it',
      async () => {
        await fleet.node('alpha-1').cli(['import', FILE])
        const elapsedMs = await allApply(living, newest)
        expect(elapsedMs <= 2 * SPREAD_MS, `within ${durationText(SPREAD_MS)}`, durationText(elapsedMs))
        return `${durationText(elapsedMs)}: ${await sources(living)}`
      },
      (told) => told,
    )
    await story.step('gamma-2, which was removed, is out everywhere, and learns nothing', async () => {
      await isOut(living, revokedAddress)
      expect((await held(revoked)) < newest, 'gamma-2 is behind', String(await held(revoked)))
    })
    await story.step(
      'beta-2 was away all the time; it meets those that know',
      async () => {
        await away.start()
        const elapsedMs = await allApply([away], newest)
        return `${durationText(elapsedMs)}: ${await sources([away])}`
      },
      (told) => told,
    )
    await story.step('the courier is switched on, and the six but the removed one are whole', async () => {
      await courier.reboot()
      await courier.start()
      await fleet.mesh({ among: six.filter((node) => node !== revoked) })
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
