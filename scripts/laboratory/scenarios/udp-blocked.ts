// A site that lets TCP out and no UDP: its devices are on the mesh by TLS, until UDP is let out after all.

import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { reaches } from '../ways.ts'

const topology: Topology = {
  internet: ['hub', 'relay-1'],
  sites: [
    { name: 'office', nat: 'udp-blocked', hosts: ['office-1', 'office-2'] },
    { name: 'home', nat: 'symmetric', hosts: ['home-1'] },
  ],
}
/** Of the office's router: what the firewall drops from now on is nothing. */
const OPEN = ['nft', 'insert', 'rule', 'ip', 'lab', 'forward', 'iifname', 'lan', 'accept']

export const scenario: Scenario = {
  name: 'udp-blocked',
  promise: 'a site without UDP is on the mesh by TLS, talks on its own LAN directly, and leaves TLS when UDP works',
  shape: { topology, intent: [network, pingPolicy, relayNode(topology, 'relay-1')] },
  async play(fleet, story) {
    const [one, two, home] = [fleet.node('office-1'), fleet.node('office-2'), fleet.node('home-1')]
    await story.step(
      'every pair answers',
      () => fleet.mesh(),
      ({ value }) => `${value} answers`,
    )
    await story.step('on the LAN directly, to the outside by TLS', () =>
      Promise.all([
        reaches(one, 'office-2', 'lan'),
        reaches(two, 'office-1', 'lan'),
        reaches(one, 'home-1', 'tls'),
        reaches(home, 'office-1', 'relay'),
        reaches(home, 'relay-1', 'direct'),
      ]),
    )
    await story.step('the firewall lets UDP out', () => fleet.net.host('office-router').exec(OPEN))
    await story.step('traffic leaves TLS by itself', async () => {
      await fleet.mesh()
      await Promise.all([reaches(one, 'home-1', 'relay'), reaches(one, 'relay-1', 'direct')])
    })
    await story.step('and every pair still answers', () => fleet.mesh())
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
