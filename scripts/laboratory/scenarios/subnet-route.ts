// A machine without an agent behind a gateway is reached from the mesh: with masquerade without touching it, and without
// source NAT once it knows the way back. Two such subnets of the same addresses are mapped, and their machines know each other
// by what they are called in the mesh.

import { ask, serve } from '../conversation.ts'
import type { Host } from '../host.ts'
import { answering } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../shapes.ts'
import { outsideOf, type Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

const YARD = '192.168.77.0/24'
const PLC = '192.168.77.11'
/** What the two subnets are called in the mesh, and their machines: at the same places. */
const [ALPHA_YARD, BETA_YARD] = ['10.201.1.0/24', '10.201.2.0/24']
const [PLC_IN_MESH, PRESS_IN_MESH] = ['10.201.1.11', '10.201.2.11']

/** What the first is called at its own site. */
const ZONE = 'alpha.test'
const NAMED = `plc.${ZONE}`
const names = resource('Policy', 'names', {
  subject: { nodeSelector: { matchLabels: { role: 'gateway' } } },
  ingress: [{ ports: [{ protocol: 'UDP', port: 53 }] }],
})

const topology: Topology = {
  internet: ['hub'],
  sites: [
    homeSite('alpha', ['alpha-1', 'alpha-2'], { backyard: { gateway: 'alpha-1', hosts: ['plc'] } }),
    homeSite('beta', ['beta-1', 'beta-2'], { backyard: { gateway: 'beta-2', hosts: ['press'], number: 77 } }),
  ],
}

function route(nat: 'none' | 'masquerade'): object {
  const via = { matchLabels: { site: 'alpha', role: 'gateway' } }
  return resource('Route', 'machines', { destination: YARD, via, nat })
}

function mapped(site: string, mapTo: string): object {
  return resource('Route', `${site}-yard`, { destination: YARD, via: { matchLabels: { site } }, nat: 'netmap', mapTo })
}

function modbus(role: string): object {
  return resource('Policy', `modbus-${role}`, {
    subject: { nodeSelector: { matchLabels: { role } } },
    ingress: [{ ports: [{ protocol: 'TCP', port: 502 }] }],
  })
}

export const scenario: Scenario = {
  name: 'subnet-route',
  promise:
    'what lies behind a gateway is reached from every device, with source NAT or without; subnets alike are told apart',
  shape: {
    topology,
    intent: [
      network,
      pingPolicy,
      ...gatewayNodes(topology, { 'alpha-1': [YARD] }),
      resource('Node', 'beta-2', { labels: { site: 'beta', role: 'worker' }, advertise: [YARD] }),
    ],
  },
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
      await fleet.hub.apply(modbus('gateway'))
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
    await story.step('a Route that is beta’s own LAN takes nothing from it', async () => {
      const lan = '192.168.2.0/24'
      const labels = { site: 'alpha', role: 'gateway' }
      const publicEndpoint = `${outsideOf(topology, 'alpha')}:51820`
      const gateway = resource('Node', 'alpha-1', { labels, publicEndpoint, advertise: [YARD, lan] })
      await fleet.hub.apply(gateway, resource('Route', 'greedy', { destination: lan, via: { matchLabels: labels } }))
      await fleet.acknowledged()
      const way = await far.host.exec(['ip', 'route', 'get', '192.168.2.1'])
      expect(way.includes('dev eth0'), 'a way by the own cable', way)
      const elsewhere = await near.host.exec(['ip', 'route', 'get', '192.168.2.1'])
      expect(elsewhere.includes('dev hf0'), 'a way through the mesh at the other site', elsewhere)
      await fleet.hub.cli(['delete', 'route', 'greedy'])
      await fleet.acknowledged()
    })
    const press = fleet.net.host('press')
    const reaches = (from: Host, address: string, expected: string): Promise<unknown> =>
      waitFor(
        `${from.name} reaches ${address}, which sees ${expected}`,
        async () => {
          const seen = await ask(from, 'tcp', address, 502)
          return holds(seen === expected, seen ?? 'silence')
        },
        { timeoutMs: 10_000 },
      )
    await story.step('beta-2 has a subnet of the same addresses; both are mapped', async () => {
      await serve(press, ['tcp', 502])
      await Promise.all([plc, press].map((host) => host.ip(['route replace default via 192.168.77.1'])))
      await fleet.hub.apply(mapped('alpha', ALPHA_YARD), mapped('beta', BETA_YARD))
      await fleet.acknowledged()
    })
    await story.step('the press reaches the plc, which sees what the press is called', () =>
      reaches(press, PLC_IN_MESH, PRESS_IN_MESH),
    )
    await story.step('a device reaches both, and is seen as itself', async () => {
      const address = await near.address()
      await reaches(near.host, PLC_IN_MESH, address)
      const guarded = await ask(near.host, 'tcp', PRESS_IN_MESH, 502)
      expect(guarded === undefined, 'silence from the press, which no policy opens', guarded ?? '')
      await fleet.hub.apply(modbus('worker'))
      await fleet.acknowledged()
      await reaches(near.host, PRESS_IN_MESH, address)
    })
    await story.step('the plc reaches the press', () => reaches(plc, PRESS_IN_MESH, PLC_IN_MESH))
    await story.step(
      'the plc’s own site names it; a device elsewhere finds it by that, as the mesh knows it',
      async () => {
        plc.spawn(
          ['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', `--host-record=${NAMED},${PLC}`],
          'dns',
        )
        const [{ spec }, zones] = [network as { readonly spec: object }, [{ zone: ZONE, servers: [PLC_IN_MESH] }]]
        await fleet.hub.apply(resource('Network', 'default', { ...spec, dnsZones: zones }), names)
        await fleet.acknowledged()
        const own = await far.address()
        const look = `const r = new (require('node:dns').Resolver)(); r.setServers(['${own}:51824']); r.resolve4('${NAMED}', (e, a) => console.log(e?.code ?? a.join()))`
        await waitFor(
          `${NAMED} is ${PLC_IN_MESH}`,
          async () => {
            const said = (await far.host.exec([process.execPath, '-e', look])).trim()
            return holds(said === PLC_IN_MESH, said)
          },
          { timeoutMs: 20_000 },
        )
      },
    )
    await story.step('nobody gets in by the address behind the mapping', async () => {
      const seen = await ask(near.host, 'tcp', PLC, 502)
      expect(seen === undefined, 'silence', seen ?? '')
    })
    await story.step('alpha-1 has on record who it was', async () => {
      const flows = await fleet.node('alpha-1').cli(['flows', '--json'])
      expect(flows.includes(PRESS_IN_MESH), `${PRESS_IN_MESH} in the flows of alpha-1`, flows.slice(0, 500))
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
