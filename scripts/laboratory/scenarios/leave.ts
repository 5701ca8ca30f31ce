// A device leaves: nothing of the mesh remains in it, the others drop it, and the hub knows.

import { remains } from '../kernel.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { homeSite, twoSites } from '../shapes.ts'
import { expect } from '../unmet.ts'

const topology = { internet: ['hub'], sites: [homeSite('alpha', ['alpha-1', 'alpha-2', 'alpha-3'])] }

export const scenario: Scenario = {
  name: 'leave',
  promise: 'a device that leaves is clean, the others drop it, and one that keeps its keys may come back',
  shape: { topology, asUnit: true, intent: twoSites.intent.filter((one) => !JSON.stringify(one).includes('beta')) },
  async play(fleet, story) {
    const [one, two, three] = [fleet.node('alpha-1'), fleet.node('alpha-2'), fleet.node('alpha-3')]
    await story.step('the mesh is whole', () => fleet.mesh())
    const { nodeId } = await two.status()
    const inUse = await remains(two.host)
    for (const what of ['interface', 'nft', 'route', 'process', 'state']) {
      expect(inUse.includes(`${what}: `), `a device in use shows its ${what}`, inUse)
    }
    await story.step('alpha-2 leaves and keeps its keys', async () => {
      await two.cli(['leave'])
      const left = (await remains(two.host)).split('\n').filter((line) => !/^state: (?:wg|device)\.key$/.test(line))
      expect(left.join('') === '', 'only the keys are left', left.join('; '))
    })
    await story.step('the others drop it', () =>
      Promise.all(
        [one, three].map((node) =>
          fleet.sees(node, 'has no peer alpha-2', ({ peers }) => peers.every(({ name }) => name !== 'alpha-2')),
        ),
      ),
    )
    await story.step('alpha-3 leaves with --purge, while the hub is away', async () => {
      await fleet.hub.kill()
      await three.cli(['leave', '--purge'])
      const left = await remains(three.host)
      expect(left === '', 'nothing is left', left)
    })
    await story.step('alpha-2 joins again and is the same node', async () => {
      await fleet.hub.start()
      const { token } = await fleet.hub.token()
      await two.join(fleet.hub.url, token, { site: 'alpha' })
      await two.start()
      const again = (await two.status()).nodeId
      expect(again === nodeId, nodeId, again)
      await fleet.mesh({ among: [one, two] })
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
