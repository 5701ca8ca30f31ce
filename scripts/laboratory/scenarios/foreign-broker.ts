// Somebody else answers at the hub's address: without the pinned authority it is refused, said, and changes nothing.

import { createLabHub } from '../hub.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, oneSite, resource } from '../shapes.ts'
import { internetAddress } from '../topology.ts'
import { expect } from '../unmet.ts'

const topology = { ...oneSite.topology, internet: ['hub', 'impostor'], bystanders: ['impostor'] }
const open = resource('Policy', 'open', { subject: { nodeSelector: {} }, ingress: [{}] })

export const scenario: Scenario = {
  name: 'foreign-broker',
  promise: 'a hub of another authority at the hub’s address is refused and named, and the mesh goes on',
  shape: { ...oneSite, topology },
  async play(fleet, story) {
    const { hub, net, nodes } = fleet
    const address = internetAddress(topology, 'hub')
    const impostorHost = net.host('impostor')
    const impostor = createLabHub({ host: impostorHost, url: hub.url })
    const [one, two] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    await story.step('the mesh is whole', () => fleet.mesh())
    await fleet.acknowledged()
    const before = (await two.status()).revision.held.revision
    const watch = watchPing(one.host, await two.address())
    await story.step('the hub dies; an impostor takes its address and offers open doors', async () => {
      await hub.kill()
      await net.cables.connect('hub', 'eth0', false)
      await impostorHost.ip([`address add ${address}/16 dev eth0`])
      await impostor.start()
      await impostor.apply(network, open)
      // The router still knows the old machine behind that address.
      await net.host('alpha-router').attempt(['ip', 'neighbour', 'flush', 'dev', 'wan'])
    })
    await story.step('every device refuses it and says so', () =>
      Promise.all(
        nodes.map((node) =>
          fleet.sees(
            node,
            'health says hub-untrusted',
            ({ health, mode }) => {
              return mode === 'autonomous' && health.some(({ code }) => code === 'hub-untrusted')
            },
            60_000,
          ),
        ),
      ),
    )
    await story.step('nothing of its intent was taken', async () => {
      const { revision } = await two.status()
      expect(revision.held.revision === before, `revision ${before}`, String(revision.held.revision))
    })
    await story.step('the impostor goes, the hub comes back: online, and healthy', async () => {
      await impostor.kill()
      await impostorHost.ip([`address delete ${address}/16 dev eth0`])
      await net.cables.connect('hub', 'eth0', true)
      await net.host('alpha-router').attempt(['ip', 'neighbour', 'flush', 'dev', 'wan'])
      await hub.start()
      await Promise.all(
        nodes.map((node) =>
          fleet.sees(
            node,
            'is online and does not distrust',
            ({ health, mode }) => {
              return mode === 'online' && health.every(({ code }) => code !== 'hub-untrusted')
            },
            90_000,
          ),
        ),
      )
    })
    const { lost, sent } = await watch.stop()
    await story.step('not one ping was lost', async () => expect(lost === 0, 'no ping lost', `${lost} of ${sent}`))
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
