// Two devices of a site lead to its LAN. With the hub gone, the one in use stops to forward though it answers, the other one is
// about to leave, the first loses its power: each device goes by the other, on its own, and knows better than to go back at the
// first word of the one that failed.

import type { RouterState, RouterView } from '../../../edge/routers/own-routers.ts'
import type { Fleet } from '../fleet.ts'
import { answering, type PingReport, type PingWatch, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

const LAN = '192.168.1.0/24'
/** Of the LAN, with no agent. */
const PRINTER = '192.168.1.1'
const UNDER_WAY_MAX = 10

const topology: Topology = {
  internet: ['hub'],
  sites: [homeSite('alpha', ['alpha-1', 'alpha-2']), homeSite('beta', ['beta-1'])],
}

/** What beta-1 says of the routers to the LAN. */
async function views(fleet: Fleet): Promise<ReadonlyMap<string, RouterView>> {
  const { routers: groups = [] } = await fleet.node('beta-1').status()
  return new Map(groups.flatMap((one) => one.routers.map((view) => [view.name, view] as const)))
}

async function routers(fleet: Fleet): Promise<ReadonlyMap<string, RouterState>> {
  return new Map(Array.from(await views(fleet), ([name, { state }]) => [name, state]))
}

/** All of them were asked, and the machine behind answered through each. */
function areProven(fleet: Fleet): Promise<unknown> {
  return waitFor(
    'beta-1 has proven both',
    async () => {
      const said = [...(await views(fleet)).values()]
      return holds(said.length === 2 && said.every(({ proof }) => proof === 'proven'), JSON.stringify(said))
    },
    { timeoutMs: 60_000, everyMs: 200 },
  )
}

/**
 * WireGuard takes packets of a block from one peer alone: answers that the former router has on their way are not let in. That is
 * one round trip, and on a busy machine a few pings; a router that goes without a word costs a good deal more.
 */
async function moved(watch: PingWatch): Promise<PingReport> {
  const report = await watch.stop()
  expect(report.lost <= UNDER_WAY_MAX, `at most ${UNDER_WAY_MAX} pings lost`, `${report.lost} of ${report.sent} lost`)
  return report
}

/** Nothing gets from one of its interfaces to another; all that comes for the host itself is answered as ever. */
const CLOSE = 'table ip yard { chain closed { type filter hook forward priority -300; policy drop; }; }'

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
      resource('Route', 'office', { destination: LAN, via: { matchLabels: { site: 'alpha' } }, probe: PRINTER }),
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
    const beta = fleet.node('beta-1').host
    const unused = watchPing(beta, PRINTER)
    await story.step('the printer answers through either, while it is in use', () => areProven(fleet))
    await unused.stop()
    const deaf = watchPing(beta, PRINTER)
    await story.step(`the hub is killed, and ${first} forwards nothing any more; pings it answers`, async () => {
      await fleet.hub.kill()
      await used.host.exec(['nft', CLOSE])
      await says(fleet, { [first]: 'ready', [second]: 'used' })
      const address = await used.address()
      expect((await answering(beta, [address])).has(address), `an answer of ${first} itself`, 'none')
      await reaches(fleet)
    })
    await story.step(
      'the printer was out of reach for a moment',
      () => deaf.stop(),
      ({ gapMs, lost, sent }) => `${lost} of ${sent} pings lost, ${gapMs} ms in a row`,
    )
    await used.host.exec(['nft', 'delete table ip yard'])
    await story.step(`${first} forwards again`, () => areProven(fleet))
    const leaving = watchPing(beta, PRINTER)
    await story.step(`${second} is about to leave: it says so, and beta-1 goes by ${first} before that`, async () => {
      // As the unit holdfast-drain does while the host goes down.
      await fleet.node(second).cli(['drain', '--until-start'])
      await says(fleet, { [first]: 'used', [second]: 'ready' })
      await reaches(fleet)
    })
    await story.step(
      'no more is lost than was on its way back at that moment',
      () => moved(leaving),
      ({ lost, sent }) => `${lost} of ${sent} lost`,
    )
    const watch = watchPing(beta, PRINTER)
    await story.step(`it goes by ${first}, and knows that path`, () => isMeasured(fleet, first))
    await story.step(`${first} loses its power`, async () => {
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
    // Until then it led there all the same: nobody else did.
    await fleet.node(second).cli(['drain', '--end'])
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
    const gone = watchPing(beta, PRINTER)
    await story.step(
      `${second} leaves the network, with the hub still away: beta-1 goes by ${first} before that`,
      async () => {
        await fleet.node(second).cli(['leave'])
        await says(fleet, { [first]: 'used' })
        await reaches(fleet)
      },
    )
    await story.step(
      'no more is lost than was on its way back at that moment',
      () => moved(gone),
      ({ lost, sent }) => `${lost} of ${sent} lost`,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
