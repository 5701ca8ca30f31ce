// Two devices behind NATs that no hole can be punched into. Their routers map ports when asked, one by PCP, the other by
// UPnP; one of them restarts and forgets; a third stands behind a NAT of its provider.

import type { Fleet } from '../fleet.ts'
import { createPortMapper, giveRealAddress, type PortMapper } from '../miniupnpd.ts'
import type { Net } from '../net.ts'
import type { LabNode } from '../node.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode } from '../shapes.ts'
import { durationText } from '../story.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { type Seen, type Waited, waitFor } from '../wait.ts'
import { reaches } from '../ways.ts'

const topology: Topology = {
  internet: ['hub', 'relay-1'],
  sites: [
    { name: 'alpha', nat: 'symmetric', hosts: ['alpha-1'] },
    { name: 'beta', nat: 'symmetric', hosts: ['beta-1'] },
    { name: 'lte', nat: 'symmetric', carrierNat: true, hosts: ['lte-1'] },
  ],
}
const ALPHA = '11.198.1.1'
const BETA = '11.198.1.2'
/** The router behind the provider's NAT believes in an address that is not its own. */
const BELIEVED = '11.198.1.3'
const PCP = { pcp: true, upnp: false } as const
const UPNP = { pcp: false, upnp: true } as const
/** A restart is called out, and the router asked again 5 s after the last time at the soonest. */
const FORGOTTEN_MS_MAX = 20_000

async function prepare(net: Net): Promise<void> {
  await giveRealAddress(net, 'alpha', ALPHA)
  await giveRealAddress(net, 'beta', BETA)
  await createPortMapper(net.host('alpha-router')).start(PCP)
  await createPortMapper(net.host('beta-router')).start(UPNP)
  await createPortMapper(net.host('lte-router')).start({ ...PCP, believes: BELIEVED })
}

function holds(node: LabNode, protocol: string, outside: string): Promise<Waited<string>> {
  return waitFor(
    `${node.name} has ${outside} by ${protocol}`,
    async (): Promise<Seen<string>> => {
      const { portMapping: found } = await node.paths()
      if (found?.state === 'held' && found.protocol === protocol && found.outside?.startsWith(`${outside}:`) === true)
        return { done: outside }
      return { notYet: JSON.stringify(found) }
    },
    { timeoutMs: 30_000 },
  )
}

async function rowOf(node: LabNode): Promise<string> {
  const text = await node.cli(['netcheck'])
  return text.split('\n').find((line) => line.startsWith('port mapping')) ?? text
}

async function says(node: LabNode, expected: RegExp): Promise<string> {
  const row = await rowOf(node)
  expect(expected.test(row), `${node.name} says ${expected}`, row)
  return row.replace(/^port mapping +/, '')
}

/** Both of its ends; whoever answers from a mapped port is reached at it. */
async function direct(one: LabNode, two: LabNode): Promise<string> {
  const [there, back] = await Promise.all([reaches(one, two.name, 'direct'), reaches(two, one.name, 'direct')])
  return `${there.value.endpoint} and ${back.value.endpoint}`
}

/** All mappings are lost, of its NAT and of its lists; it serves again a moment later. */
async function restart(fleet: Fleet, site: string, mapper: PortMapper): Promise<void> {
  await mapper.stop()
  await fleet.net.rebindNat(site)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  await mapper.start(PCP)
}

export const scenario: Scenario = {
  name: 'port-mapping',
  promise: 'where no hole can be punched, a router that maps ports lets devices meet directly, and may restart',
  shape: { topology, asUnit: true, intent: [network, pingPolicy, relayNode(topology, 'relay-1')], prepare },
  async play(fleet, story) {
    const [one, two, lte] = [fleet.node('alpha-1'), fleet.node('beta-1'), fleet.node('lte-1')]
    const mapper = createPortMapper(fleet.net.host('alpha-router'))
    await story.step('alpha’s router maps a port by PCP, beta’s by UPnP', () =>
      Promise.all([holds(one, 'PCP', ALPHA), holds(two, 'UPnP', BETA)]),
    )
    await story.step(
      'every pair answers, and the two meet directly',
      async () => {
        await fleet.mesh()
        return await direct(one, two)
      },
      (told) => told,
    )
    await story.step(
      'netcheck says so',
      async () => {
        await says(two, /UPnP on 192\.168\.2\.1 → 11\.198\.1\.2:\d+ for 2 h$/)
        return await says(one, /PCP on 192\.168\.1\.1 → 11\.198\.1\.1:\d+ for 2 h$/)
      },
      (told) => `“${told}”`,
    )
    await story.step(
      'a router behind a NAT of the provider is found out',
      async () => {
        await reaches(lte, one.name, 'direct')
        return await says(lte, /; another address than others see: /)
      },
      (told) => `“${told}”`,
    )
    await story.step('the hub is killed', () => fleet.hub.kill())
    await story.step(
      'alpha’s router restarts and knows nothing any more: the port is there again',
      async () => {
        const watch = watchPing(two.host, await one.address(), 50)
        await restart(fleet, 'alpha', mapper)
        const { elapsedMs } = await waitFor(
          'the router has the mapping',
          async (): Promise<Seen<true>> => {
            const rules = await mapper.rules()
            return rules.includes('dnat ip to 192.168.1.11:') ? { done: true } : { notYet: rules }
          },
          { timeoutMs: FORGOTTEN_MS_MAX },
        )
        const told = await direct(one, two)
        const { gapMs } = await watch.stop()
        return `after ${durationText(elapsedMs)}, a gap of ${durationText(gapMs)}; ${told}`
      },
      (told) => told,
    )
    await story.step('a device that leaves gives its port back', async () => {
      await two.cli(['leave'])
      const rules = await createPortMapper(fleet.net.host('beta-router')).rules()
      expect(!rules.includes('dnat'), 'no mapping is left', rules)
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
