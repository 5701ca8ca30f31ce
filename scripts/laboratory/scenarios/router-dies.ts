// Two devices of a site lead to its LAN. The one in use loses its power while the hub is gone: each device goes by the other, on
// its own, and knows better than to go back at the first word of the one that failed.

import type { RouterState } from '../../../edge/routers/own-routers.ts'
import type { Fleet } from '../fleet.ts'
import { answering, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

const LAN = '192.168.1.0/24'
/** Of the LAN, with no agent. */
const PRINTER = '192.168.1.1'

const topology: Topology = {
  internet: ['hub'],
  sites: [homeSite('alpha', ['alpha-1', 'alpha-2']), homeSite('beta', ['beta-1'])],
}

/** What beta-1 says of the routers to the LAN. */
async function routers(fleet: Fleet): Promise<ReadonlyMap<string, RouterState>> {
  const { routers: groups = [] } = await fleet.node('beta-1').status()
  return new Map(groups.flatMap((one) => one.routers.map(({ name, state }) => [name, state] as const)))
}

function says(fleet: Fleet, wanted: Readonly<Record<string, RouterState>>): Promise<unknown> {
  return waitFor(
    `beta-1 says ${JSON.stringify(wanted)}`,
    async () => {
      const said = await routers(fleet)
      const isSo = Object.entries(wanted).every(([name, state]) => said.get(name) === state)
      return holds(isSo, JSON.stringify([...said]))
    },
    { timeoutMs: 60_000 },
  )
}

/** A probe of beta-1's path to the node was answered since WireGuard's handshake. */
function isMeasured(fleet: Fleet, name: string): Promise<unknown> {
  const [beta, whose] = [fleet.node('beta-1'), ({ name: one }: { readonly name: string }) => one === name]
  return waitFor(
    `beta-1 measures its path to ${name}`,
    async () => {
      const used = (await beta.paths()).peers.find(whose)?.candidates.find(({ inUse }) => inUse)
      const handshakeMs = ((await beta.status()).peers.find(whose)?.handshakeAgeS ?? 0) * 1_000
      const isSo = used?.state === 'valid' && (used.lastAnswerAgeMs ?? Number.POSITIVE_INFINITY) < handshakeMs
      return holds(isSo, JSON.stringify([used, handshakeMs]))
    },
    { timeoutMs: 30_000, everyMs: 200 },
  )
}

function reaches(fleet: Fleet): Promise<unknown> {
  return waitFor(
    'beta-1 reaches the printer',
    async () => holds((await answering(fleet.node('beta-1').host, [PRINTER])).has(PRINTER), 'silence'),
    { timeoutMs: 20_000 },
  )
}

export const scenario: Scenario = {
  name: 'router-dies',
  promise: 'a subnet that two devices lead to is reached by the other one when one dies, with the hub gone',
  shape: {
    topology,
    intent: [
      network,
      pingPolicy,
      ...gatewayNodes(topology, { 'alpha-1': [LAN] }),
      resource('Node', 'alpha-2', { labels: { site: 'alpha' }, advertise: [LAN] }),
      resource('Route', 'office', { destination: LAN, via: { matchLabels: { site: 'alpha' } } }),
    ],
  },
  async play(fleet, story) {
    await story.step('the mesh is whole, and beta-1 reaches a printer at alpha', async () => {
      await fleet.mesh()
      await reaches(fleet)
    })
    const [first = ''] = [...(await routers(fleet))].flatMap(([name, state]) => (state === 'used' ? name : []))
    const second = first === 'alpha-1' ? 'alpha-2' : 'alpha-1'
    const used = fleet.node(first)
    const watch = watchPing(fleet.node('beta-1').host, PRINTER)
    await story.step(`it goes by ${first}, and knows that path`, () => isMeasured(fleet, first))
    await story.step(`the hub is killed, and ${first} loses its power`, async () => {
      await fleet.hub.kill()
      await used.end('SIGKILL')
      await used.host.powerOff()
    })
    await story.step(`beta-1 goes by ${second}`, async () => {
      await says(fleet, { [first]: 'gone', [second]: 'used' })
      await reaches(fleet)
    })
    await story.step(
      'the printer was out of reach for a moment',
      () => watch.stop(),
      ({ gapMs, lost, sent }) => `${lost} of ${sent} pings lost, ${gapMs} ms in a row`,
    )
    const then = watchPing(fleet.node('beta-1').host, PRINTER)
    await story.step(`${first} is back: beta-1 notices, and stays`, async () => {
      await used.host.boot()
      await used.start()
      await says(fleet, { [first]: 'ready', [second]: 'used' })
    })
    await story.step(
      'nothing is lost by that',
      async () => {
        const report = await then.stop()
        expect(report.lost === 0, 'no ping lost', `${report.lost} of ${report.sent} lost`)
        return report
      },
      ({ sent }) => `${sent} sent`,
    )
    await story.step(`the hub is back, and ${second} is not to lead there any more`, async () => {
      await fleet.hub.start()
      await fleet.hub.apply(resource('Node', second, { labels: { site: 'alpha' }, advertise: [] }))
      await fleet.acknowledged()
    })
    await story.step(`beta-1 goes by ${first}`, () => reaches(fleet))
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
