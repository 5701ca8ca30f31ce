// A relay on a host that is no part of the mesh: it follows the network's intent by itself, carries on without the hub, and
// holds to the rules about whose traffic it may carry.

import type { Fleet } from '../fleet.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode, resource } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { type Seen, waitFor } from '../wait.ts'
import { reaches } from '../ways.ts'

const topology: Topology = {
  internet: ['hub', 'relay-1'],
  sites: [
    { name: 'alpha', nat: 'symmetric', hosts: ['alpha-1'] },
    { name: 'beta', nat: 'symmetric', hosts: ['beta-1'] },
  ],
}
const RULES = { cidr: '100.80.0.0/16', cidr6: 'fd5e:ad0:71d5::/64', defaultPolicy: 'Deny' }
const elsewhere = resource('Network', 'default', {
  ...RULES,
  relayPolicy: [{ nodes: { matchLabels: { site: 'alpha' } }, relays: { matchLabels: { country: 'ch' } } }],
})
const anywhere = resource('Network', 'default', { ...RULES, relayPolicy: [] })
const TIMEOUT_MS = 30_000
const FORBIDDEN = ['forbidden: relay-1 (relayPolicy[0])', 'no path is better than a forbidden one']

async function nodeIdOf(fleet: Fleet, name: string): Promise<string> {
  return (await fleet.node(name).status()).nodeId
}

/** Waits until the relay's kernel forwards for the node, or for nobody of that id any more. */
function carries(fleet: Fleet, nodeId: string, wanted: boolean) {
  const probe = async (): Promise<Seen<true>> => {
    const rules = await fleet.node('relay-1').host.exec(['nft', 'list', 'ruleset'])
    const has = rules.includes(nodeId)
    return has === wanted ? { done: true } : { notYet: has ? 'it still has sessions' : 'it has none' }
  }
  return waitFor(`the relay ${wanted ? 'has' : 'has no'} sessions of ${nodeId}`, probe, {
    timeoutMs: TIMEOUT_MS,
    everyMs: 50,
  })
}

function says(who: string, ask: () => Promise<string>) {
  const probe = async (): Promise<Seen<true>> => {
    const text = await ask()
    return FORBIDDEN.every((part) => text.includes(part)) ? { done: true } : { notYet: text }
  }
  return waitFor(`${who} says: ${FORBIDDEN.join(' … ')}`, probe, { timeoutMs: TIMEOUT_MS })
}

export const scenario: Scenario = {
  name: 'relay-alone',
  promise: 'a relay outside the mesh follows the intent, works on without the hub, and carries what it may and no more',
  shape: {
    topology,
    intent: [network, pingPolicy, relayNode(topology, 'relay-1')],
    flags: { 'relay-1': { alone: true } },
  },
  async play(fleet, story) {
    const [alpha, beta, relay] = [fleet.node('alpha-1'), fleet.node('beta-1'), fleet.node('relay-1')]
    const pair = [alpha, beta]
    const [alphaId, betaId] = [await nodeIdOf(fleet, 'alpha-1'), await nodeIdOf(fleet, 'beta-1')]
    const relayed = () => Promise.all([reaches(alpha, 'beta-1', 'relay'), reaches(beta, 'alpha-1', 'relay')])
    await story.step(
      'two devices behind strict NATs answer each other',
      () => fleet.mesh({ among: pair }),
      ({ value }) => `${value} answers`,
    )
    await story.step('through the relay', relayed)
    await story.step('the relay acknowledges what the hub signed, as agents do', () => fleet.acknowledged())
    await story.step('the hub dies, the relay restarts from what it keeps, and carries on', async () => {
      await fleet.hub.kill()
      await relay.end('SIGKILL')
      await relay.start()
      await fleet.mesh({ among: pair })
    })
    await story.step(
      'a rule takes this relay from site alpha: its sessions end',
      async () => {
        await fleet.hub.start()
        await carries(fleet, alphaId, true)
        await fleet.hub.apply(elsewhere)
        return await carries(fleet, alphaId, false)
      },
      ({ elapsedMs }) => `${Math.round(elapsedMs)} ms after the hub took it`,
    )
    await story.step('explain says so at the device and at the hub: no path is better than a forbidden one', () =>
      Promise.all([
        says('the device', () => alpha.host.attempt(['holdfast', 'explain', 'beta-1']).then(({ stdout }) => stdout)),
        says('the hub', () => fleet.hub.cli(['explain', 'path', 'alpha-1', 'beta-1'])),
      ]),
    )
    await story.step('the rule goes, and traffic flows again', async () => {
      await fleet.hub.apply(anywhere)
      await fleet.mesh({ among: pair })
      await carries(fleet, betaId, true)
    })
    await story.step(
      'beta-1 is removed: the relay ends what it had',
      async () => {
        await fleet.hub.cli(['delete', 'node', 'beta-1'])
        return await carries(fleet, betaId, false)
      },
      ({ elapsedMs }) => `${Math.round(elapsedMs)} ms after the hub took it`,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
