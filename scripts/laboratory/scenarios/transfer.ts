// Promise 3, as TCP feels it: a transfer runs while the hub is away, its direct path is cut, the relay's agent restarts, the
// relay's power fails, and the direct path heals. Not one byte may be another.

import type { CandidateReport } from '../../../edge/paths/report.ts'
import type { LabNode } from '../node.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, relayNode, resource } from '../shapes.ts'
import { durationText } from '../story.ts'
import type { Topology } from '../topology.ts'
import { startTransfer } from '../transfer.ts'
import { expect } from '../unmet.ts'
import { reaches, standsBy } from '../ways.ts'

const PORT = 5_001
/** 8 Mbit/s: a video, and nothing that two cores notice. */
const BYTES_PER_SECOND = 1_000_000
/**
 * A cut is noticed within 0.4 s in `fast`; then TCP repeats what it lost by its own clock (RFC 6298 §5.5), the last time
 * at most as long after as the path was dead. A machine that does other things besides adds its share.
 */
const PAUSE_MS_MAX = 4_000
const SETTLE_MS = 3_000

const topology: Topology = {
  internet: ['hub', 'relay-1', 'relay-2'],
  sites: [
    { name: 'alpha', nat: 'eim', hosts: ['alpha-1'] },
    { name: 'beta', nat: 'eim', hosts: ['beta-1'] },
  ],
}

const fast = { ...network, spec: { ...(network as { readonly spec: object }).spec, failover: 'fast' } }
const policy = resource('Policy', 'transfer', {
  subject: { nodeSelector: {} },
  ingress: [{ ports: [{ protocol: 'ICMP' }, { protocol: 'TCP', port: PORT }] }],
})

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
const viaOf = ({ value }: { readonly value: CandidateReport }): string => value.via ?? ''

async function bothStandBy(one: LabNode, two: LabNode): Promise<void> {
  await Promise.all([standsBy(one, two.name), standsBy(two, one.name)])
}

export const scenario: Scenario = {
  name: 'transfer',
  promise: 'a TCP transfer comes through whole while its path is cut, its relay restarts and dies, and the path heals',
  shape: { topology, intent: [fast, policy, relayNode(topology, 'relay-1'), relayNode(topology, 'relay-2')] },
  alone: true,
  async play(fleet, story) {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('beta-1')]
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('alpha-1 and beta-1 meet directly', () => reaches(one, 'beta-1', 'direct'))
    await story.step('the hub is killed', () => fleet.hub.kill())
    const address = await two.address()
    const transfer = await story.step('a transfer begins', () =>
      startTransfer(one.host, two.host, { address, port: PORT, bytesPerSecond: BYTES_PER_SECOND }),
    )
    const pauseIn = (what: string, act: () => Promise<unknown>): Promise<number> =>
      story.step(
        what,
        async () => {
          await act()
          await settle()
          const worst = transfer.worstPauseMs()
          expect(worst <= PAUSE_MS_MAX, `a pause of at most ${PAUSE_MS_MAX} ms`, `${worst} ms`)
          return worst
        },
        (ms) => (ms === 0 ? 'no pause' : `paused for ${durationText(ms)}`),
      )
    await story.step('both ends keep a relay ready', () => bothStandBy(one, two))
    await settle()
    transfer.worstPauseMs()
    let relay = ''
    await pauseIn('the direct path is cut in silence: a relay carries the transfer', async () => {
      await fleet.net.sever('alpha', 'beta', true)
      relay = viaOf(await reaches(one, 'beta-1', 'relay'))
    })
    await bothStandBy(one, two)
    await story.step(
      `the agent of ${relay} is killed and started again`,
      async () => {
        const ping = watchPing(one.host, address, 20)
        await fleet.node(relay).end('SIGKILL')
        await fleet.node(relay).start()
        await settle()
        const report = await ping.stop()
        expect(report.lost === 0, 'no ping lost: the kernel forwards on', `${report.lost} of ${report.sent}`)
        return report
      },
      ({ sent }) => `none of ${sent} pings lost`,
    )
    await bothStandBy(one, two)
    transfer.worstPauseMs()
    await pauseIn(`${relay} loses its power: the other relay takes over`, async () => {
      await fleet.node(relay).host.powerOff()
      await reaches(one, 'beta-1', 'relay', relay === 'relay-1' ? 'relay-2' : 'relay-1')
    })
    await pauseIn('the direct path heals, and the transfer goes directly again', async () => {
      await fleet.net.sever('alpha', 'beta', false)
      await reaches(one, 'beta-1', 'direct')
    })
    await story.step(
      'not one byte is missing or another',
      () => transfer.finish(),
      ({ bytes }) => `${(bytes / 1e6).toFixed(1)} MB, checksums equal`,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
