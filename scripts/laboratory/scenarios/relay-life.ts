// Two devices that can meet through relays only, with traffic that never stops: the relay's daemon dies and comes back, the
// relay's host vanishes in silence, the other relay takes over, the first comes back. The hub is away all the time.

import type { CandidateReport } from '../../../edge/paths/report.ts'
import type { LabNode } from '../node.ts'
import { type PingReport, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, relayNode, resource } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { startTransfer } from '../transfer.ts'
import { expect } from '../unmet.ts'
import { reaches, standsBy } from '../ways.ts'

const PORT = 5_001
const BYTES_PER_SECOND = 1_000_000
const PING_MS = 10
/** The budget is 0.7 s, measured by `./scripts/bench failover`; here it is only bounded. */
const GAP_MS_MAX = 3_000
const SETTLE_MS = 3_000

const topology: Topology = {
  internet: ['hub', 'relay-1', 'relay-2'],
  sites: [
    { name: 'gamma', nat: 'symmetric', hosts: ['gamma-1'] },
    { name: 'delta', nat: 'symmetric', hosts: ['delta-1'] },
  ],
}
const fast = { ...network, spec: { ...(network as { readonly spec: object }).spec, failover: 'fast' } }
const policy = resource('Policy', 'transfer', {
  subject: { nodeSelector: {} },
  ingress: [{ ports: [{ protocol: 'ICMP' }, { protocol: 'TCP', port: PORT }] }],
})

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const viaOf = ({ value }: { readonly value: CandidateReport }): string => value.via ?? ''

async function bothStandBy(one: LabNode, two: LabNode): Promise<void> {
  await Promise.all([standsBy(one, two.name), standsBy(two, one.name)])
}

function tell({ gapMs, lost, sent }: PingReport): string {
  return lost === 0 ? `none of ${sent} pings lost` : `${lost} of ${sent} pings lost, ${gapMs} ms without an answer`
}

export const scenario: Scenario = {
  name: 'relay-life',
  promise: 'a relay that restarts costs nothing, one that vanishes costs a moment, one that comes back changes nothing',
  shape: {
    topology,
    asUnit: true,
    intent: [fast, policy, relayNode(topology, 'relay-1'), relayNode(topology, 'relay-2')],
  },
  alone: true,
  async play(fleet, story) {
    const [one, two] = [fleet.node('gamma-1'), fleet.node('delta-1')]
    await story.step('every pair answers', () => fleet.mesh())
    const relay = viaOf(await story.step('gamma-1 reaches delta-1 by a relay', () => reaches(one, 'delta-1', 'relay')))
    const other = relay === 'relay-1' ? 'relay-2' : 'relay-1'
    const address = await two.address()
    const transfer = await startTransfer(one.host, two.host, { address, port: PORT, bytesPerSecond: BYTES_PER_SECOND })
    const during = (
      what: string,
      act: () => Promise<unknown>,
      judge: (report: PingReport) => void,
    ): Promise<PingReport> =>
      story.step(
        what,
        async () => {
          const watch = watchPing(one.host, address, PING_MS)
          await act()
          const report = await watch.stop()
          judge(report)
          return report
        },
        tell,
      )
    const nothingLost = ({ lost, sent }: PingReport): void => expect(lost === 0, 'no ping lost', `${lost} of ${sent}`)
    await story.step(`${other} stands by`, () => bothStandBy(one, two))
    await story.step('the hub is killed', () => fleet.hub.kill())
    await during(
      `the daemon of ${relay} is killed, stays away for ${SETTLE_MS / 1_000} s, and starts again`,
      async () => {
        await fleet.node(relay).end('SIGKILL')
        await pause(SETTLE_MS)
        await fleet.node(relay).start()
        await pause(SETTLE_MS)
      },
      nothingLost,
    )
    const now = viaOf(await reaches(one, 'delta-1', 'relay'))
    await bothStandBy(one, two)
    const spare = now === 'relay-1' ? 'relay-2' : 'relay-1'
    await during(
      `${now} vanishes in silence: ${spare} takes over`,
      async () => {
        await fleet.net.cables.lossy(now, 'eth0', 100)
        await Promise.all([reaches(one, 'delta-1', 'relay', spare), reaches(two, 'gamma-1', 'relay', spare)])
        await pause(SETTLE_MS)
      },
      ({ gapMs }) => expect(gapMs <= GAP_MS_MAX, `a gap of at most ${GAP_MS_MAX} ms`, `${gapMs} ms`),
    )
    await during(
      `${now} is back, and nobody turns`,
      async () => {
        await fleet.net.cables.lossy(now, 'eth0', 0)
        await bothStandBy(one, two)
        await pause(SETTLE_MS)
        await Promise.all([reaches(one, 'delta-1', 'relay', spare), reaches(two, 'gamma-1', 'relay', spare)])
      },
      nothingLost,
    )
    await story.step(
      'not one byte of the transfer is missing or another',
      () => transfer.finish(),
      ({ bytes }) => `${(bytes / 1e6).toFixed(1)} MB, checksums equal`,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
