// A network moves to other addresses while its devices talk: by the LAN and by a relay, by IPv4 and IPv6, to each other, to
// a service and to a machine behind a router. Twice people think better of it. One device sleeps through all, and wakes
// without a hub.

import type { AgentStatus } from '../../../edge/agent.ts'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { answering, type PingWatch, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { findShop, openShop, servedBy, shopOf, stayAt } from '../services.ts'
import { network, pingPolicy, relayNode, resource } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'
import { reaches } from '../ways.ts'

const PATIENCE_MS = 90_000
const [OLD, NEW] = ['100.80.', '10.90.']
const [OLD6, NEW6] = ['fd5e:ad0:71d5::', 'fd90:1:2::']
const START = ['start', '--cidr', `${NEW}0.0/16`, '--cidr6', `${NEW6}/64`] as const
/** What ends a turn waits until devices have watched it: shorter than on real ones, for the sake of whoever waits here. */
const WATCH = { agent: ['--confirm-s', '2'] }
/** What lies behind alpha-2, what the mesh calls it, and its machine there. */
const [YARD, YARD_IN_MESH, PRESS] = ['192.168.77.0/24', '10.201.1.0/24', '10.201.1.11']

const topology: Topology = {
  internet: ['hub', 'relay-1'],
  sites: [
    {
      name: 'alpha',
      nat: 'symmetric',
      hosts: ['alpha-1', 'alpha-2', 'alpha-3'],
      backyard: { gateway: 'alpha-2', hosts: ['press'] },
    },
    { name: 'beta', nat: 'symmetric', hosts: ['beta-1'] },
  ],
}

const yard = resource('Route', 'yard', {
  destination: YARD,
  via: { matchLabels: { yard: 'yes' } },
  nat: 'netmap',
  mapTo: YARD_IN_MESH,
})

/** All others have come to stay at the step. */
const ONLY_SLEEPER = 'missing: alpha-3(?!,)'

const moved = (address: string): string => address.replace(OLD, NEW).replace(OLD6, NEW6)
const has = (prefix: string) => (status: AgentStatus) => status.addresses.some((address) => address.startsWith(prefix))
const isOld = (status: AgentStatus): boolean => has(OLD)(status) && has(OLD6)(status) && !has(NEW)(status)
const isNew = (status: AgentStatus): boolean => has(NEW)(status) && has(NEW6)(status) && !has(OLD)(status)

function renumber(fleet: Fleet, ...words: readonly string[]): Promise<string> {
  return fleet.hub.cli(['renumber', ...words])
}

/** The hub says so of the network; `what` is a pattern. */
function standing(fleet: Fleet, what: string): Promise<unknown> {
  return waitFor(
    `the hub says: ${what}`,
    async () => {
      const said = await renumber(fleet, 'status')
      return holds(new RegExp(what).test(said), said.trim())
    },
    { timeoutMs: PATIENCE_MS, everyMs: 100 },
  )
}

async function refused(fleet: Fleet, ...words: readonly string[]): Promise<string> {
  const { code, stderr } = await fleet.hub.host.attempt(['holdfast-hub', 'renumber', ...words])
  expect(code !== 0, `renumber ${words.join(' ')} is refused`, `exit code ${code}`)
  return stderr
}

async function all(fleet: Fleet, nodes: readonly LabNode[], what: string, check: (status: AgentStatus) => boolean) {
  for (const node of nodes) await fleet.sees(node, what, check, PATIENCE_MS)
}

async function says(node: LabNode, wanted: string): Promise<void> {
  const said = await node.cli(['status'])
  expect(said.includes(wanted), `status of ${node.name} says: ${wanted}`, said)
}

/** Ends the watches: nothing was lost. */
async function unbroken(watches: readonly PingWatch[]): Promise<number> {
  const reports = await Promise.all(watches.map((watch) => watch.stop()))
  const [sent, lost] = [reports.map((one) => one.sent), reports.map((one) => one.lost)]
  expect(
    sent.every((count) => count > 0) && lost.every((count) => count === 0),
    'all pings are answered',
    `lost ${lost.join(', ')}`,
  )
  return sent.reduce((sum, count) => sum + count, 0)
}

const pings = (sent: number): string => `${sent} pings, none lost`

export const scenario: Scenario = {
  name: 'renumber',
  promise:
    'a network moves to other addresses and back, and no packet is lost; who sleeps meanwhile is named, and hears of it from a neighbour',
  shape: {
    topology,
    flags: { 'alpha-1': WATCH, 'alpha-2': WATCH, 'alpha-3': WATCH, 'beta-1': WATCH, 'relay-1': WATCH },
    intent: [
      network,
      pingPolicy,
      relayNode(topology, 'relay-1'),
      resource('Node', 'alpha-2', { labels: { yard: 'yes' }, advertise: [YARD] }),
      yard,
      ...shopOf('beta'),
    ],
  },
  async play(fleet, story) {
    const [one, two, sleeper, far] = ['alpha-1', 'alpha-2', 'alpha-3', 'beta-1'].map((name) => fleet.node(name)) as [
      LabNode,
      LabNode,
      LabNode,
      LabNode,
    ]
    const shop = await story.step(
      'the mesh is whole: a neighbour by the LAN, another site by a relay, a service there, a machine behind a router',
      async () => {
        await fleet.net.host('press').ip(['route replace default via 192.168.77.1'])
        await fleet.mesh()
        await reaches(one, far.name, 'relay')
        await openShop(far)
        const address = await findShop(fleet, one)
        await servedBy(one, address, [far.name])
        return address
      },
    )
    const olds = [...(await two.addresses()), ...(await far.addresses())]
    const before = [...olds, PRESS].map((address) => watchPing(one.host, address, 50))
    await story.step('every node gets a second address, and loses it again: people thought better of it', async () => {
      await renumber(fleet, ...START)
      await standing(fleet, 'next: holdfast-hub renumber switch')
      await says(one, 'renumber  step Prepare: 100.80.0.0/16')
      await renumber(fleet, 'abort')
      await all(fleet, fleet.nodes, 'has the old addresses alone', isOld)
    })
    await story.step('the network turns, and back: both blocks are held until all have heard', async () => {
      await renumber(fleet, ...START)
      await standing(fleet, 'next: holdfast-hub renumber switch')
      await renumber(fleet, 'switch')
      const said = await refused(fleet, 'finish')
      expect(/is not (proven|published)/.test(said), 'what may still be taken back is not finished', said)
      await standing(fleet, 'Switch: .*5 of 5 have it')
      await servedBy(one, moved(shop), [far.name])
      await renumber(fleet, 'abort')
      await standing(fleet, 'Return: it goes back')
      await standing(fleet, 'next: holdfast-hub renumber finish')
      await says(far, 'renumber  step Return: back to 100.80.0.0/16')
      await renumber(fleet, 'finish')
      await all(fleet, fleet.nodes, 'has the old addresses alone', isOld)
    })
    await story.step('one device sleeps; the others get a second address, and turning is refused', async () => {
      // A peer that falls silent while a revision is watched speaks against it.
      await all(fleet, fleet.nodes, 'watches nothing', ({ revision }) => revision.trial === undefined)
      await sleeper.end('SIGKILL')
      await renumber(fleet, ...START)
      await standing(fleet, '4 of 5 have it; missing: alpha-3')
      const said = await refused(fleet, 'switch')
      expect(said.includes('alpha-3'), 'the hub names alpha-3', said)
    })
    const after = olds.map((address) => watchPing(one.host, moved(address), 50))
    const stay = await stayAt(one, shop, far.name)
    await story.step(
      'without it the network turns; a connection to the old address of the service goes on',
      async () => {
        await renumber(fleet, 'switch', '--without', 'alpha-3')
        await standing(fleet, 'Switch: nodes still hold their old address')
        await standing(fleet, `4 of 5 have it; ${ONLY_SLEEPER}`)
        await says(one, 'renumber  step Switch: 10.90.0.0/16 and fd90:1:2::/64')
        await servedBy(one, shop, [far.name])
        await servedBy(one, moved(shop), [far.name])
        await stay.goesOn()
      },
    )
    const route = before.splice(-1)
    await story.step('no packet was lost to any old address, at any step', () => unbroken(before), pings)
    await story.step('old addresses go', async () => {
      await renumber(fleet, 'finish')
      await all(fleet, [one, two, far], 'has the new addresses alone', isNew)
      await servedBy(one, moved(shop), [far.name])
      expect((await answering(one.host, olds)).size === 0, 'silence at the old addresses', 'an answer')
    })
    await story.step(
      'no packet was lost to the new addresses, nor to the machine behind the router, from first to last',
      () => unbroken([...after, ...route]),
      pings,
    )
    await story.step(
      'the hub dies; who slept through all of it hears of it from a neighbour, and is reached',
      async () => {
        await fleet.hub.kill()
        await sleeper.start()
        const { value } = await fleet.sees(sleeper, 'has the new addresses alone', isNew, PATIENCE_MS)
        expect(value.revision.source?.by === 'peer', 'a peer brought it', JSON.stringify(value.revision.source))
        await waitFor(
          'it answers',
          async () => {
            const answered = await answering(one.host, value.addresses)
            return holds(answered.size === value.addresses.length, [...answered].join(' '))
          },
          { timeoutMs: PATIENCE_MS, everyMs: 200 },
        )
      },
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
