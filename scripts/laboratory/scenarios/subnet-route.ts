// A machine without an agent behind a gateway is reached from the mesh: with masquerade without touching it, and without
// source NAT once it knows the way back.

import { ask, serve } from '../conversation.ts'
import { answering } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

const YARD = '192.168.77.0/24'
const PLC = '192.168.77.11'

const topology: Topology = {
  internet: ['hub'],
  sites: [
    homeSite('alpha', ['alpha-1', 'alpha-2'], { backyard: { gateway: 'alpha-1', hosts: ['plc'] } }),
    homeSite('beta', ['beta-1']),
  ],
}

function route(nat: 'none' | 'masquerade'): object {
  const via = { matchLabels: { site: 'alpha', role: 'gateway' } }
  return resource('Route', 'machines', { destination: YARD, via, nat })
}

const modbus = resource('Policy', 'modbus', {
  subject: { nodeSelector: { matchLabels: { role: 'gateway' } } },
  ingress: [{ ports: [{ protocol: 'TCP', port: 502 }] }],
})

export const scenario: Scenario = {
  name: 'subnet-route',
  promise: 'what lies behind a gateway is reached from every device, with source NAT or without',
  shape: { topology, intent: [network, pingPolicy, ...gatewayNodes(topology, { 'alpha-1': [YARD] })] },
  async play(fleet, story) {
    const plc = fleet.net.host('plc')
    const far = fleet.node('beta-1')
    const near = fleet.node('alpha-2')
    const reach = (from: string, expected: string): Promise<unknown> =>
      waitFor(
        `${from} reaches the machine, which sees ${expected}`,
        async () => {
          const seen = await ask(fleet.node(from).host, 'tcp', PLC, 502)
          return holds(seen === expected, seen ?? 'silence')
        },
        { timeoutMs: 10_000 },
      )
    await story.step('the mesh is whole', () => fleet.mesh())
    await serve(plc, ['tcp', 502])
    await story.step('without a Route the machine is out of reach', async () => {
      const seen = await ask(far.host, 'tcp', PLC, 502)
      expect(seen === undefined, 'silence', seen ?? '')
    })
    await story.step('a Route with masquerade', async () => {
      await fleet.hub.apply(route('masquerade'))
      await fleet.acknowledged()
    })
    await story.step('the gateway’s policy guards it: ping passes, TCP 502 does not', async () => {
      const pinged = await answering(far.host, [PLC])
      expect(pinged.has(PLC), 'an answer to a ping', 'none')
      const seen = await ask(far.host, 'tcp', PLC, 502)
      expect(seen === undefined, 'silence from TCP 502', seen ?? '')
    })
    await story.step('a policy opens TCP 502', async () => {
      await fleet.hub.apply(modbus)
      await fleet.acknowledged()
    })
    await story.step('beta-1 reaches it across the internet; it sees the gateway', () =>
      reach('beta-1', '192.168.77.1'),
    )
    await story.step('alpha-2 reaches it too', () => reach('alpha-2', '192.168.77.1'))
    await story.step('the Route without source NAT, and the machine is told the way back', async () => {
      await fleet.hub.apply(route('none'))
      await plc.ip(['route add 100.80.0.0/16 via 192.168.77.1'])
      await fleet.acknowledged()
    })
    await story.step('it sees beta-1 itself', async () => reach('beta-1', await far.address()))
    await story.step('and alpha-2 itself', async () => reach('alpha-2', await near.address()))
    await story.step('the Route is deleted: out of reach again', async () => {
      await fleet.hub.cli(['delete', 'route', 'machines'])
      await fleet.acknowledged()
      const seen = await ask(far.host, 'tcp', PLC, 502)
      expect(seen === undefined, 'silence', seen ?? '')
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
