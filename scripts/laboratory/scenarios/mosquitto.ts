// The same fleet on Mosquitto instead of the embedded broker: joins, policy, outage of hub and of broker.

import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite, resource } from '../shapes.ts'
import { expect } from '../unmet.ts'

const open = resource('Policy', 'open', { subject: { nodeSelector: {} }, ingress: [{}] })

export const scenario: Scenario = {
  name: 'mosquitto',
  promise: 'everything that works on the embedded broker works on Mosquitto',
  shape: { ...oneSite, broker: 'mosquitto' },
  async play(fleet, story) {
    const { hub, nodes } = fleet
    const [one, two] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    const modes = (mode: 'online' | 'autonomous') =>
      Promise.all(nodes.map((node) => fleet.sees(node, `is ${mode}`, (status) => status.mode === mode, 60_000)))
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('devices hold connections to Mosquitto itself, not through the hub', async () => {
      for (const { host } of nodes) {
        const held = await host.exec(['ss', '-Htn', 'state', 'established', 'dport', '=', ':8883'])
        expect(held.trim() !== '', `${host.name} is connected to port 8883`, 'no such connection')
      }
    })
    await story.step('a changed policy is acknowledged by all', async () => {
      await hub.apply(open)
      await fleet.acknowledged()
    })
    const watch = watchPing(one.host, await two.address())
    await story.step('the hub is killed; Mosquitto tells the devices', async () => {
      await hub.kill()
      await modes('autonomous')
    })
    await story.step('the hub is started; the devices stayed connected and are online', async () => {
      await hub.start()
      await modes('online')
    })
    await story.step('a device that comes back catches up on what it missed', async () => {
      await two.end('SIGTERM')
      await hub.cli(['delete', 'policy', 'open'])
      await two.start()
      await fleet.acknowledged()
    })
    await story.step('Mosquitto is killed; the devices are autonomous', async () => {
      await fleet.broker?.kill()
      await modes('autonomous')
    })
    await story.step('Mosquitto is started again; hub and devices find it, and a change arrives', async () => {
      await fleet.broker?.start()
      await modes('online')
      await hub.apply(open)
      await fleet.acknowledged()
    })
    const { lost, sent } = await watch.stop()
    await story.step('not one ping was lost', async () => expect(lost === 0, 'no ping lost', `${lost} of ${sent}`))
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
