// Five devices behind two home routers find each other, over IPv4 and IPv6, whoever sits next to whom.

import { runScenario, type Scenario } from '../scenario.ts'
import { twoSites } from '../shapes.ts'

export const scenario: Scenario = {
  name: 'mesh',
  promise: 'every device reaches every other through the tunnel, and says so truthfully',
  shape: { ...twoSites, asUnit: true },
  async play(fleet, story) {
    await story.step(
      'ping between all pairs, both families',
      () => fleet.mesh(),
      ({ value }) => `${value} answers`,
    )
    await story.step('every device acknowledged the newest revision', () => fleet.acknowledged())
    const [first] = fleet.nodes
    if (first === undefined) return
    await story.step('paths are told as they are: LAN next door, direct across the internet', async () => {
      await fleet.sees(
        first,
        'two devices of its own site by the LAN, two of the other directly',
        ({ peers }) =>
          peers.length === 4 && peers.every(({ name, path }) => path === (name.startsWith('alpha') ? 'lan' : 'direct')),
      )
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
