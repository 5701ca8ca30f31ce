// A device leaves: nothing of the mesh remains in it, the others drop it, and the hub knows. Its libc, which was led to the
// agent, asks whom it asked before.

import { remains } from '../kernel.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { homeSite, twoSites } from '../shapes.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

const RESOLV_CONF = '/etc/resolv.conf'
const LEASED = '# of a lease\nnameserver 192.0.2.53\n'
/** The lab mounts an empty file there, which an agent leaves alone, over the one of this machine. */
const OWN_ETC = `
mkdir -p /run/own && mount -t tmpfs tmpfs /run/own && mkdir /run/own/upper /run/own/work
umount ${RESOLV_CONF}
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/own/upper,workdir=/run/own/work /etc
rm -f ${RESOLV_CONF}
printf '%s' "$1" >${RESOLV_CONF}
`

const topology = { internet: ['hub'], sites: [homeSite('alpha', ['alpha-1', 'alpha-2', 'alpha-3'])] }

export const scenario: Scenario = {
  name: 'leave',
  promise: 'a device that leaves is clean, the others drop it, and one that keeps its keys may come back',
  shape: { topology, asUnit: true, intent: twoSites.intent.filter((one) => !JSON.stringify(one).includes('beta')) },
  async play(fleet, story) {
    const [one, two, three] = [fleet.node('alpha-1'), fleet.node('alpha-2'), fleet.node('alpha-3')]
    // Before: what is waited for here comes about meanwhile.
    await three.host.exec(['sh', '-ec', OWN_ETC, 'sh', LEASED])
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('programs on alpha-3 find the others by name', () =>
      waitFor(
        'libc finds a node',
        async () => {
          const said = await three.host.attempt(['getent', 'ahosts', 'alpha-1.mesh.internal'])
          return holds(said.code === 0, said.stdout)
        },
        { timeoutMs: 30_000 },
      ),
    )
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
      const asked = await three.host.exec(['cat', RESOLV_CONF])
      expect(asked === LEASED, LEASED, asked)
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
