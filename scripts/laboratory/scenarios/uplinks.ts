// A device with two uplinks, and the better one keeps its link and lets nothing through: the mesh goes on by the other one,
// the host's own traffic stays where the host sends it, and all is as before once the better one works again.

import { setTimeout as sleep } from 'node:timers/promises'
import { difference, remains } from '../kernel.ts'
import type { LabNode } from '../node.ts'
import { type PingReport, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { relayedSites } from '../shapes.ts'
import { durationText } from '../story.ts'
import { type Cable, outsideOf, type Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { type Seen, waitFor } from '../wait.ts'
import { reaches, standsBy } from '../ways.ts'

const LTE: Cable = { interface: 'eth1', segment: 'lte', address: '192.168.3.50/24' }
const LTE_GATEWAY = '192.168.3.1'
const topology: Topology = {
  ...relayedSites.topology,
  sites: [...relayedSites.topology.sites, { name: 'lte', nat: 'eim', carrierNat: true, hosts: [] }],
}

/** Noticing takes four seconds, finding the way anew some more; machines of the lab are busy. */
const GAP_MS_MAX = 20_000
const TIMEOUT_MS = 90_000
/** Somebody on the internet who is neither hub nor relay. */
const STRANGER = '198.18.77.77'

function goesBy({ host, name }: LabNode, device: string): Promise<unknown> {
  return waitFor(
    `${name} goes by ${device}`,
    async (): Promise<Seen<true>> => {
      const { stdout } = await host.attempt(['holdfast', 'netcheck', '--json'])
      const { uplinks = [] } = JSON.parse(stdout === '' ? '{}' : stdout) as {
        uplinks?: readonly { interface: string; inUse: boolean }[]
      }
      const used = uplinks.find(({ inUse }) => inUse)?.interface
      return used === device ? { done: true } : { notYet: stdout.slice(0, 600) }
    },
    { timeoutMs: TIMEOUT_MS },
  )
}

/** The interface by which the host sends to somebody, from a UDP port where one is given. */
async function wayOf({ host }: LabNode, port?: number): Promise<string> {
  const from = port === undefined ? [] : ['ipproto', 'udp', 'sport', String(port)]
  return /dev (\S+)/.exec(await host.exec(['ip', 'route', 'get', STRANGER, ...from]))?.[1] ?? 'nothing'
}

async function portOf({ host }: LabNode): Promise<number> {
  return Number(await host.exec(['wg', 'show', 'hf0', 'listen-port']))
}

/** Waits until WireGuard of `two` has its packets from there. */
function comesFrom(two: LabNode, outside: string): Promise<unknown> {
  return waitFor(
    `WireGuard of ${two.name} hears its peer from ${outside}`,
    async (): Promise<Seen<true>> => {
      const seen = await two.host.exec(['wg', 'show', 'hf0', 'endpoints'])
      return seen.includes(`\t${outside}:`) ? { done: true } : { notYet: seen }
    },
    { timeoutMs: TIMEOUT_MS },
  )
}

/** What both directions lose until `over` resolves. */
async function during(one: LabNode, two: LabNode, over: () => Promise<unknown>): Promise<readonly PingReport[]> {
  const watches = [watchPing(one.host, await two.address(), 50), watchPing(two.host, await one.address(), 50)]
  await over()
  // A moment by the new way.
  await sleep(3_000)
  return await Promise.all(watches.map((watch) => watch.stop()))
}

function gaps([out, back]: readonly PingReport[]): string {
  return `gaps of ${durationText(out?.gapMs ?? 0)} out, ${durationText(back?.gapMs ?? 0)} in`
}

function bounded(reports: readonly PingReport[]): readonly PingReport[] {
  for (const { gapMs } of reports) expect(gapMs <= GAP_MS_MAX, `a gap of at most ${GAP_MS_MAX} ms`, `${gapMs} ms`)
  return reports
}

/** Only what is Holdfast's own goes elsewhere. */
async function onlyOurs(node: LabNode, device: string): Promise<string> {
  const own = await wayOf(node, await portOf(node))
  expect(own === device, `WireGuard goes by ${device}`, own)
  const others = [await wayOf(node), await wayOf(node, 53)]
  expect(
    others.every((one) => one === 'eth0'),
    'what is not ours goes by eth0',
    others.join(' and '),
  )
  return `WireGuard by ${own}, everything else by eth0`
}

export const scenario: Scenario = {
  name: 'uplinks',
  promise: 'an uplink that lets nothing through is left for another one, and returned to when it works again',
  shape: { ...relayedSites, topology, asUnit: true },
  async play(fleet, story) {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('beta-1')]
    await story.step('alpha-1 and beta-1 meet directly, a relay stands by', async () => {
      await fleet.mesh({ among: [one, two] })
      await reaches(one, two.name, 'direct')
      const payload = watchPing(one.host, await two.address(), 200)
      await Promise.all([standsBy(one, two.name), standsBy(two, one.name)])
      await payload.stop()
    })
    const before = await remains(one.host)
    expect(!/^(?:rule|table):/m.test(before), 'a host with one uplink has no rules of ours', before)
    await story.step('alpha-1 gets LTE beside its Ethernet, which stays preferred', async () => {
      await fleet.net.cables.plug(one.host, LTE)
      await one.host.ip([`route add default via ${LTE_GATEWAY} dev ${LTE.interface} metric 700`])
      await goesBy(one, 'eth0')
      await onlyOurs(one, 'eth0')
    })
    await story.step(
      'Ethernet keeps its link and lets nothing through: the mesh goes on by LTE',
      async () =>
        bounded(
          await during(one, two, async () => {
            await fleet.net.cables.lossy(one.name, 'eth0', 100)
            await goesBy(one, LTE.interface)
            await comesFrom(two, outsideOf(topology, 'lte'))
          }),
        ),
      gaps,
    )
    await story.step('nothing else of the host does', () => onlyOurs(one, LTE.interface), String)
    await story.step('people are told', async () => {
      const told = /uplink eth0: no answer since \S+, using eth1/i
      for (const words of [['explain', two.name], ['status'], ['doctor']]) {
        const { stdout } = await one.host.attempt(['holdfast', ...words])
        expect(told.test(stdout), `${words.join(' ')} tells of the uplink`, stdout)
      }
    })
    await story.step('the hub is reached by LTE, too', () =>
      fleet.sees(one, 'hears the hub', ({ mode }) => mode === 'online'),
    )
    await story.step('directly, through the NATs of LTE', () => reaches(one, two.name, 'direct'))
    await story.step('the agent starts anew and goes on by LTE', async () => {
      await one.end('SIGKILL')
      await onlyOurs(one, LTE.interface)
      await one.start()
      await goesBy(one, LTE.interface)
      await fleet.mesh({ among: [one, two] })
    })
    await story.step(
      'Ethernet works again, and the mesh returns to it',
      async () =>
        bounded(
          await during(one, two, async () => {
            await fleet.net.cables.lossy(one.name, 'eth0', 0)
            await goesBy(one, 'eth0')
            await comesFrom(two, outsideOf(topology, 'alpha'))
          }),
        ),
      gaps,
    )
    await story.step(
      'directly again',
      async () => {
        await reaches(one, two.name, 'direct')
        return await onlyOurs(one, 'eth0')
      },
      String,
    )
    await story.step('LTE is taken away: no rule is left', async () => {
      await one.host.ip([`route delete default via ${LTE_GATEWAY} dev ${LTE.interface}`])
      await waitFor(
        'all rules are gone',
        async (): Promise<Seen<true>> => {
          const left = (await remains(one.host)).split('\n').filter((line) => /^(?:rule|table):/.test(line))
          return left.length === 0 ? { done: true } : { notYet: left.join('; ') }
        },
        { timeoutMs: TIMEOUT_MS },
      )
    })
    await story.step('a device that leaves with both uplinks is clean', async () => {
      await one.host.ip([`route add default via ${LTE_GATEWAY} dev ${LTE.interface} metric 700`])
      await goesBy(one, 'eth0')
      await one.cli(['leave', '--purge'])
      const left = await remains(one.host)
      expect(left === '', 'nothing is left', difference('', left))
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
