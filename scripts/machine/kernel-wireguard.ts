// What matters most of the lab in few steps, on the kernel's own WireGuard: every step costs ten times as much where a processor
// is emulated. Whole scenarios play there too, for people who have the time: ./scripts/lab --vm NAME…

import type { Fleet } from '../laboratory/fleet.ts'
import { difference, meshState, remains } from '../laboratory/kernel.ts'
import type { LabNode } from '../laboratory/node.ts'
import { watchPing } from '../laboratory/ping.ts'
import { runScenario, type Scenario } from '../laboratory/scenario.ts'
import { network, pingPolicy } from '../laboratory/shapes.ts'
import type { Topology } from '../laboratory/topology.ts'
import { expect } from '../laboratory/unmet.ts'

/** Without NATs: what they do is the same on every WireGuard. */
const topology: Topology = { internet: ['hub', 'alpha', 'beta'], sites: [] }

/** Programs at the interface, by clsact or, from Linux 6.6 on, by tcx. */
async function hasPrograms({ host, name }: LabNode): Promise<void> {
  const pins = await host.exec(['ls', '/sys/fs/bpf'])
  expect(pins.includes('hf_policy_'), `programs in the kernel of ${name} enforce policy`, pins)
}

async function play(fleet: Fleet, story: Parameters<Scenario['play']>[1]): Promise<void> {
  const [one, other] = [fleet.node('alpha'), fleet.node('beta')]
  await story.step('the mesh is whole, both families', () => fleet.mesh())
  await story.step('programs in the kernel enforce policy', () => Promise.all(fleet.nodes.map(hasPrograms)))
  await story.step('the hub is killed', () => fleet.hub.kill())
  const before = await meshState(one.host)
  const during = watchPing(other.host, await one.address(), 100)
  await story.step('alpha’s agent is killed and started again', async () => {
    await one.end('SIGKILL')
    await one.start()
  })
  await story.step(
    'meanwhile not one ping was lost',
    async () => {
      const { lost, sent } = await during.stop()
      expect(lost === 0 && sent > 0, 'no ping lost', `${lost} of ${sent}`)
      return sent
    },
    (sent) => `${sent} sent`,
  )
  await story.step('alpha loses power; it boots without hub, and is on the mesh from its cache', async () => {
    await one.reboot()
    await one.start()
    await fleet.mesh()
  })
  await story.step('its peers, addresses, routes and policy are what they were', async () => {
    const now = await meshState(one.host)
    expect(now === before, 'the same as before the power cut', difference(before, now))
  })
  await story.step('it leaves, and nothing of it remains', async () => {
    await one.cli(['leave', '--purge'])
    const left = await remains(one.host)
    expect(left === '', 'nothing', left)
  })
}

const scenario: Scenario = {
  name: 'kernel-wireguard',
  promise: 'on WireGuard of the kernel: a mesh, an agent that dies, a boot without hub, and nothing that remains',
  shape: { topology, intent: [network, pingPolicy] },
  play,
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
