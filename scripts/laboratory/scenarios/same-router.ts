// Two devices behind one router that keeps ports, as most home routers do, and a third elsewhere: each has a port of its own,
// so that the router can keep both, and each is met directly.

import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { reaches } from '../ways.ts'

const PUBLIC_PORT = '51820'

const topology: Topology = {
  internet: ['hub', 'relay-1', 'relay-2'],
  sites: [
    { name: 'home', nat: 'port-preserving', hosts: ['home-1', 'home-2', 'home-3'] },
    { name: 'cabin', nat: 'port-preserving', hosts: ['cabin-1'] },
  ],
}

async function directly(fleet: Fleet): Promise<number> {
  const cabin = fleet.node('cabin-1')
  const homes = ['home-1', 'home-2', 'home-3'].map((name) => fleet.node(name))
  await Promise.all([
    ...homes.flatMap((home) => [reaches(home, cabin.name, 'direct'), reaches(cabin, home.name, 'direct')]),
    ...homes.flatMap((home) => homes.filter((one) => one !== home).map((one) => reaches(home, one.name, 'lan'))),
  ])
  return homes.length
}

async function portOf({ host }: LabNode): Promise<string> {
  return (await host.exec(['wg', 'show', 'hf0', 'listen-port'])).trim()
}

async function portsOf(fleet: Fleet): Promise<readonly string[]> {
  const ports = await Promise.all(fleet.nodes.map(portOf))
  const own = ports.filter((_, i) => fleet.nodes[i]?.name.startsWith('relay') === false)
  expect(new Set(own).size === own.length && !own.includes(PUBLIC_PORT), 'a port of its own for each', own.join(', '))
  const relays = ports.filter((port) => !own.includes(port))
  expect(
    relays.every((port) => port === PUBLIC_PORT),
    'the usual port for those with a public endpoint',
    relays.join(', '),
  )
  return own
}

export const scenario: Scenario = {
  name: 'same-router',
  promise: 'devices behind one router that keeps ports are told apart: each is met directly, at a port of its own',
  shape: {
    topology,
    intent: [network, pingPolicy, ...['relay-1', 'relay-2'].map((name) => relayNode(topology, name))],
  },
  async play(fleet, story) {
    await story.step(
      'every pair answers',
      () => fleet.mesh(),
      ({ value }) => `${value} answers`,
    )
    await story.step(
      'each listens at a port of its own',
      () => portsOf(fleet),
      (ports) => ports.join(', '),
    )
    await story.step(
      'each is met directly from outside, and over the LAN from beside',
      () => directly(fleet),
      (count) => `${count} devices`,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
