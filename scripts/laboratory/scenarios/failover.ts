// Promise 3: a path is never lost for long. The direct path is cut in silence under traffic: the relay takes over; the path
// heals: back to direct, and nothing is lost on the way back.

import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { relayedSites } from '../shapes.ts'
import { expect } from '../unmet.ts'
import { standsBy } from '../ways.ts'

/** A cut is noticed, and the relay used, within this; measured by `./scripts/bench failover`, here only bounded. */
const GAP_MS_MAX = 3_000
/** After a direct path failed it is not gone back to for half a minute. */
const RETURN_MS_MAX = 90_000

export const scenario: Scenario = {
  name: 'failover',
  promise: 'a cut direct path is replaced by the relay at once, and comes back without losing a packet',
  shape: relayedSites,
  alone: true,
  async play(fleet, story) {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('beta-1')]
    const path = (kind: string, timeoutMs?: number) =>
      fleet.sees(
        one,
        `beta-1 is reached by ${kind}`,
        ({ peers }) => peers.some(({ name, path: now }) => name === 'beta-1' && now === kind),
        timeoutMs,
      )
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('alpha-1 and beta-1 meet directly, through both NATs', () => path('direct', RETURN_MS_MAX))
    const address = await two.address()
    const during = watchPing(one.host, address, 10)
    await story.step('payload flows, and both ends keep the relay ready', () =>
      Promise.all([standsBy(one, 'beta-1'), standsBy(two, 'alpha-1')]),
    )
    await story.step('the direct path is cut in silence', () => fleet.net.sever('alpha', 'beta', true))
    await story.step('the relay carries the traffic', () => path('relay'))
    await story.step(
      'the gap was short',
      async () => {
        const report = await during.stop()
        expect(report.gapMs <= GAP_MS_MAX, `a gap of at most ${GAP_MS_MAX} ms`, `${report.gapMs} ms`)
        return report
      },
      ({ gapMs }) => `${gapMs} ms without an answer`,
    )
    const back = watchPing(one.host, address, 10)
    await story.step('the direct path heals', () => fleet.net.sever('alpha', 'beta', false))
    await story.step('traffic goes directly again', () => path('direct', RETURN_MS_MAX))
    await story.step(
      'nothing was lost on the way back',
      async () => {
        const report = await back.stop()
        expect(report.lost === 0, 'no ping lost', `${report.lost} of ${report.sent}`)
        return report
      },
      ({ sent }) => `${sent} pings`,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
