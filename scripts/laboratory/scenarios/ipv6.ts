// Two sites whose NATs let nobody meet have IPv6 behind firewalls that let nobody in: their devices meet over it all the same.
// It is cut and heals, and a relay of IPv6 is there when the one of IPv4 is not. The hub is away all the time.

import { isIpv6 } from '../../../shared/address/endpoint.ts'
import type { Fleet } from '../fleet.ts'
import { giveIpv6, internetAddress6, siteAddress6 } from '../ipv6.ts'
import { leaveOnlyIpv6 } from '../nat64.ts'
import type { LabNode } from '../node.ts'
import { waitForMesh, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode, resource } from '../shapes.ts'
import { internetAddress, outsideOf, type Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { waitFor } from '../wait.ts'
import { reaches, standsBy } from '../ways.ts'

const topology: Topology = {
  internet: ['hub', 'relay-4', 'relay-6'],
  sites: [
    { name: 'north', nat: 'symmetric', hosts: ['north-1'] },
    { name: 'south', nat: 'symmetric', hosts: ['south-1'] },
    { name: 'old', nat: 'eim', hosts: ['old-1'] },
    { name: 'pure', nat: 'eim', hosts: ['pure-1'] },
  ],
}
/** The budget is measured elsewhere; other scenarios run beside this one. */
const GAP_MS_MAX = 10_000
const PING_MS = 20

const fast = { ...network, spec: { ...(network as { readonly spec: object }).spec, failover: 'fast' } }
const relay6 = resource('Node', 'relay-6', {
  publicEndpoint: `[${internetAddress6(topology, 'relay-6')}]:51820`,
  relay: { enabled: true },
})

async function overIpv6(one: LabNode, two: LabNode, kind: 'direct' | 'relay', via?: string): Promise<string> {
  const ends = await Promise.all([reaches(one, two.name, kind, via), reaches(two, one.name, kind, via)])
  for (const { value } of ends) expect(isIpv6(value.endpoint), `${kind} over IPv6`, value.endpoint)
  return ends.map(({ value }) => value.endpoint).join(' and ')
}

/** What is known of NATs grows with what is measured, and comes by gossip while the hub is away. */
async function tells(
  node: LabNode,
  words: readonly string[],
  truth: Readonly<Record<string, RegExp>>,
): Promise<string> {
  const { value } = await waitFor(
    `${node.name} answers ${words.join(' ')} truly`,
    async () => {
      const said = await node.cli(words)
      const lacking = Object.keys(truth).filter((what) => truth[what]?.test(said) !== true)
      return lacking.length === 0 ? { done: said } : { notYet: `without ${lacking.join(', ')}: ${said}` }
    },
    { timeoutMs: 90_000, everyMs: 500 },
  )
  return value
}

async function toldTruly(fleet: Fleet): Promise<string> {
  const why = await tells(fleet.node('old-1'), ['explain', 'north-1'], {
    'that a site without IPv6 is relayed': /through relay relay-4/,
    'and why': /nobody knows the mapping that north-1 will have/,
    'and what would help': /Over IPv6 they could meet directly: north-1 has it, this node has not/,
  })
  await tells(fleet.node('north-1'), ['netcheck'], {
    'that a peer answered over IPv6': /IPv6 outside +a peer answered over IPv6/,
    'the NAT of IPv4': /NAT +another mapping for every destination/,
  })
  return why.split('\n')[0] ?? ''
}

/** By the very endpoints of IPv4 that everybody else knows, and as what everybody else would see. */
async function translated(fleet: Fleet): Promise<string> {
  const [pure, old] = [fleet.node('pure-1'), fleet.node('old-1')]
  await tells(pure, ['netcheck'], {
    'the prefix': /IPv4 +by the translator of this network \(NAT64 2001:db8:64::\/96\)/,
  })
  const pingers = [pure, old].map(async (node) => ({ host: node.host, addresses: await node.addresses() }))
  await waitForMesh(await Promise.all(pingers), { timeoutMs: 60_000 })
  const ends = await Promise.all([reaches(pure, 'old-1', 'direct'), reaches(old, 'pure-1', 'direct')])
  for (const { value } of ends) expect(!isIpv6(value.endpoint), 'endpoints of IPv4', value.endpoint)
  // One that stays waits for its keepalive to find the old connection dead.
  await pure.end('SIGTERM')
  await pure.start()
  await waitFor(
    'pure-1 is back at the hub',
    async () => {
      const connections = await pure.host.exec(['ss', '-Htn', 'state', 'established'])
      const isThrough = connections.includes('[2001:db8:64::c612:a]')
      return isThrough && (await pure.status()).hub.connected ? { done: true } : { notYet: connections }
    },
    { timeoutMs: 90_000 },
  )
  return ends.map(({ value }) => value.endpoint).join(' and ')
}

/** A device that begins there: the hub is written as an address of IPv4. */
async function joinsAnew(fleet: Fleet): Promise<void> {
  const { hub } = fleet
  const { token } = await hub.token()
  const { host } = fleet.node('pure-1')
  const joined = await host.exec(['holdfast', 'join', hub.url, '--token', token, '--name', 'late', '--network', 'late'])
  expect(joined.includes('as late'), 'it joined', joined)
}

export const scenario: Scenario = {
  name: 'ipv6',
  promise: 'where IPv4 would need a relay, devices meet over IPv6, through firewalls on both sides; relays speak both',
  shape: {
    topology,
    intent: [fast, pingPolicy, relayNode(topology, 'relay-4'), relay6],
    prepare: (net) =>
      giveIpv6(net, { sites: ['north', 'south', 'pure'], hosts: ['relay-4', 'relay-6'], firewall: true }),
  },
  async play(fleet, story) {
    const [one, two] = [fleet.node('north-1'), fleet.node('south-1')]
    const sever = (a: string, b: string, severed: boolean) => fleet.net.cables.sever(a, b, severed)
    const sites6 = [siteAddress6(topology, 'north'), siteAddress6(topology, 'south')] as const
    await story.step('every pair answers', () => fleet.mesh())
    await story.step('north-1 and south-1 meet over IPv6', () => overIpv6(one, two, 'direct'), String)
    await story.step('the provider of pure-1 has IPv6 alone from now on, and a translator to IPv4', () =>
      leaveOnlyIpv6(fleet.net, 'pure', 'pure-1'),
    )
    await story.step(
      'old-1, which has IPv4 alone, is met through it, and so is the hub',
      () => translated(fleet),
      String,
    )
    await story.step('a device that joins there reaches the hub by its address of IPv4', () => joinsAnew(fleet))
    await story.step('the hub is killed', () => fleet.hub.kill())
    await story.step(
      'it is told truly',
      () => toldTruly(fleet),
      (told) => `“${told}”`,
    )
    const during = watchPing(one.host, await two.address(), PING_MS)
    await story.step('relays stand by', () => Promise.all([standsBy(one, two.name), standsBy(two, one.name)]))
    await story.step(
      'IPv6 between the sites is cut in silence, and so is the relay of IPv4: the one of IPv6 takes over',
      async () => {
        await sever(outsideOf(topology, 'north'), internetAddress(topology, 'relay-4'), true)
        await sever(...sites6, true)
        return await overIpv6(one, two, 'relay', 'relay-6')
      },
      String,
    )
    await story.step(
      'soon',
      async () => {
        const report = await during.stop()
        expect(report.gapMs <= GAP_MS_MAX, `a gap of at most ${GAP_MS_MAX} ms`, `${report.gapMs} ms`)
        return report
      },
      ({ gapMs }) => `${gapMs} ms without an answer`,
    )
    const back = watchPing(one.host, await two.address(), PING_MS)
    await story.step(
      'all heals: directly over IPv6 again',
      async () => {
        await sever(outsideOf(topology, 'north'), internetAddress(topology, 'relay-4'), false)
        await sever(...sites6, false)
        return await overIpv6(one, two, 'direct')
      },
      String,
    )
    await story.step('nothing was lost on the way back', async () => {
      const { lost, sent } = await back.stop()
      expect(lost === 0, 'no ping lost', `${lost} of ${sent}`)
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
