// Five devices behind two home routers find each other, over IPv4 and IPv6, whoever sits next to whom.

import { runScenario, type Scenario } from '../scenario.ts'
import { twoSites } from '../shapes.ts'
import { expect } from '../unmet.ts'

export const scenario: Scenario = {
  name: 'mesh',
  promise: 'every device reaches every other through the tunnel, and says so truthfully',
  shape: twoSites,
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
      const { value } = await fleet.sees(
        first,
        'a path to each of its four peers',
        ({ peers }) => peers.length === 4 && peers.every(({ path }) => path === 'lan' || path === 'direct'),
      )
      for (const { name, path } of value.peers) {
        const wanted = name.startsWith('alpha') ? 'lan' : 'direct'
        expect(path === wanted, `path to ${name} is ${wanted}`, path)
      }
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
