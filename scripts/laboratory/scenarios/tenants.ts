// One device is a member of two networks with the same addresses, each with a hub, keys and policies of its own. Neither sees
// anything of the other; a LAN is one network's alone; both go on when both hubs are gone and the power was cut; and one is left
// without a word to the other.

import { asking, serve } from '../conversation.ts'
import type { Host } from '../host.ts'
import { createLabHub, type LabHub } from '../hub.ts'
import { createLabNode, type LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { homeSite, network, pingPolicy, resource } from '../shapes.ts'
import { internetAddress, outsideOf, type Topology } from '../topology.ts'
import { unitRights } from '../unit-rights.ts'
import { expect } from '../unmet.ts'
import { holds, type Seen, waitFor } from '../wait.ts'

const topology: Topology = {
  internet: ['hub', 'hub-blue', 'server'],
  bystanders: ['hub-blue', 'blue-1', 'server'],
  sites: [
    homeSite('alpha', ['gw', 'red-2'], { backyard: { gateway: 'gw', hosts: ['plc'] } }),
    homeSite('beta', ['red-1']),
    homeSite('gamma', ['blue-1']),
  ],
}

/** In both networks: the device, and the one that it talks to. */
const [OWN, OTHER] = ['100.80.0.10', '100.80.0.11']
const [OWN6, OTHER6] = ['fd5e:ad0:71d5::10', 'fd5e:ad0:71d5::11']
const [YARD, PLC] = ['192.168.77.0/24', '192.168.77.11']
const [RED_PORT, BLUE_PORT, PLC_PORT, WEB_PORT] = [8_081, 8_082, 502, 8_080]
const SERVER = internetAddress(topology, 'server')

const IN_BLUE = ['nsenter', '--net=/run/netns/hf-blue', '--']

function node(name: string, addresses: readonly string[], more: object = {}): object {
  return resource('Node', name, { addresses, ...more })
}

function opens(name: string, port: number): object {
  return resource('Policy', name, {
    subject: { nodeSelector: {} },
    ingress: [{ ports: [{ protocol: 'TCP', port }] }],
  })
}

function endpoint(site: string): { readonly publicEndpoint: string } {
  return { publicEndpoint: `${outsideOf(topology, site)}:51820` }
}

const blueIntent = [
  network,
  pingPolicy,
  opens('blue', BLUE_PORT),
  opens('machines', PLC_PORT),
  node('gw', [OWN, OWN6], { labels: { role: 'gateway' }, advertise: [YARD] }),
  node('blue-1', [OTHER, OTHER6], { ...endpoint('gamma'), labels: { role: 'exit' } }),
  resource('Route', 'machines', { destination: YARD, via: { matchLabels: { role: 'gateway' } }, nat: 'masquerade' }),
]

const exit = [
  opens('web', WEB_PORT),
  resource('Policy', 'names', { subject: { nodeSelector: {} }, ingress: [{ ports: [{ protocol: 'UDP', port: 53 }] }] }),
  resource('Exit', 'out', {
    nodes: { matchLabels: { role: 'gateway' } },
    via: { matchLabels: { role: 'exit' } },
    resolvers: [SERVER],
  }),
]

interface Asked {
  readonly host: Host
  /** Words in front of the question. */
  readonly by?: readonly string[]
  readonly to?: string
  readonly port: number
}

/** The address that the other side sees, or silence. */
async function seen({ by = [], host, port, to = OTHER }: Asked): Promise<string> {
  const { code, stdout } = await host.attempt([...by, ...asking('tcp', to, port)])
  return code === 0 ? (stdout.trim().split(' ')[0] ?? '') : 'silence'
}

function reaches(asked: Asked, as: string): Promise<unknown> {
  return waitFor(
    `${asked.host.name} reaches ${asked.to ?? OTHER} port ${asked.port}, which sees ${as}`,
    async () => {
      const found = await seen(asked)
      return holds(found === as, found)
    },
    { timeoutMs: 60_000 },
  )
}

async function silent(asked: Asked): Promise<void> {
  const found = await seen(asked)
  expect(found === 'silence', `silence at ${asked.to ?? OTHER} port ${asked.port}`, found)
}

/** What each of the two answers, seen from the one device. */
async function apart(gw: Host): Promise<void> {
  await reaches({ host: gw, port: RED_PORT }, OWN)
  await reaches({ host: gw, by: IN_BLUE, port: BLUE_PORT }, OWN)
  await reaches({ host: gw, to: OTHER6, port: RED_PORT }, OWN6)
  await reaches({ host: gw, by: IN_BLUE, to: OTHER6, port: BLUE_PORT }, OWN6)
  await Promise.all(
    [OTHER, OTHER6].flatMap((to) => [
      silent({ host: gw, to, port: BLUE_PORT }),
      silent({ host: gw, by: IN_BLUE, to, port: RED_PORT }),
    ]),
  )
}

async function startBlue(gw: LabNode): Promise<void> {
  // As the unit does: the namespace is made with all rights, and the agent may enter it.
  await gw.host.exec(['ip', 'netns', 'add', 'hf-blue'])
  const agent = ['holdfast', 'agent', '--network', 'blue', '--attach', 'eth1=192.168.77.1/24']
  gw.host.spawn([...unitRights('holdfast@'), ...agent], 'agent-blue')
  await waitFor(
    'the agent of the further network answers',
    async (): Promise<Seen<true>> => {
      const { code, stderr } = await gw.host.attempt(['holdfast', 'status', '--network', 'blue', '--json'])
      return code === 0 ? { done: true } : { notYet: stderr.trim() }
    },
    { timeoutMs: 45_000 },
  )
}

async function joinBlue(hub: LabHub, gw: LabNode, blue: LabNode): Promise<void> {
  await hub.start()
  await hub.apply(...blueIntent)
  const { token } = await hub.token('--uses', '2')
  await blue.join(hub.url, token, {})
  await blue.start()
  await gw.host.exec(['holdfast', 'join', hub.url, '--token', token, '--name', 'gw', '--network', 'blue'])
  await startBlue(gw)
}

interface Known {
  readonly local?: string
  readonly state: string
  readonly addresses: readonly string[]
}

async function networksOf(gw: LabNode): Promise<readonly Known[]> {
  return JSON.parse(await gw.cli(['networks', '--json'])) as readonly Known[]
}

/** All that the kernel of the host holds of the further network. */
async function tracesOf(gw: Host): Promise<string> {
  const asked = [
    ['ip', 'netns', 'list'],
    ['nft', 'list', 'tables'],
    ['ip', 'rule', 'show'],
    ['ip', '-o', 'link', 'show'],
  ]
  const answers = await Promise.all(asked.map((argv) => gw.exec(argv)))
  return answers
    .join('')
    .split('\n')
    .filter((line) => /blue|73[67]\d:/.test(line))
    .join('\n')
}

export const scenario: Scenario = {
  name: 'tenants',
  promise: 'one device in two networks of the same addresses: neither sees the other, with their hubs or without',
  shape: {
    topology,
    intent: [
      network,
      pingPolicy,
      opens('red', RED_PORT),
      node('gw', [OWN, OWN6], endpoint('alpha')),
      node('red-1', [OTHER, OTHER6], endpoint('beta')),
    ],
    async prepare(net) {
      // Hosts of the lab share /etc; what is told to programs inside of a network is the host's own.
      const gw = net.host('gw')
      await gw.exec(['mkdir', '-p', '/etc/netns'])
      await gw.exec(['mount', '-t', 'tmpfs', 'tmpfs', '/etc/netns'])
    },
  },
  async play(fleet, story) {
    const [gw, red] = [fleet.node('gw'), fleet.node('red-1')]
    const plc = fleet.net.host('plc')
    const blue = createLabNode(fleet.net.host('blue-1'))
    const hubHost = fleet.net.host('hub-blue')
    const url = `https://${internetAddress(topology, 'hub-blue')}:8443`
    const hub = createLabHub({ host: hubHost, url, serve: ['--listen', '0.0.0.0:8443'] })
    await story.step('the first network is whole', () => fleet.mesh())
    await story.step('the gateway joins another hub’s network with the same addresses', () => joinBlue(hub, gw, blue))
    await story.step('it is a member of both, at the same address', async () => {
      const all = await waitFor(
        'both are online',
        async (): Promise<Seen<readonly Known[]>> => {
          const known = await networksOf(gw)
          const online = known.filter(({ state }) => state === 'online').length
          return online === 2 ? { done: known } : { notYet: JSON.stringify(known) }
        },
        { timeoutMs: 45_000 },
      )
      const addresses = all.value.map((one) => one.addresses.find((address) => address.startsWith(OWN)))
      expect(
        addresses.every((address) => address !== undefined),
        `${OWN} in both`,
        JSON.stringify(all.value),
      )
    })
    await serve(red.host, ['tcp', RED_PORT])
    await serve(blue.host, ['tcp', BLUE_PORT])
    await serve(plc, ['tcp', PLC_PORT])
    await story.step('the same address is another machine in each, and each policy is its own', () => apart(gw.host))
    await story.step('the LAN behind it is the further network’s alone', async () => {
      await reaches({ host: blue.host, to: PLC, port: PLC_PORT }, '192.168.77.1')
      await Promise.all([
        silent({ host: red.host, to: PLC, port: PLC_PORT }),
        silent({ host: gw.host, to: PLC, port: PLC_PORT }),
        silent({ host: plc, to: '192.168.77.1', port: RED_PORT }),
      ])
    })
    const lookUp = async (name: string): Promise<string> =>
      (await gw.host.exec([...IN_BLUE, process.execPath, '-e', LOOK_UP, OWN, name])).trim()
    await story.step('names of it are answered inside', async () => {
      const found = await lookUp('blue-1.mesh.internal')
      expect(found === OTHER, OTHER, found)
    })
    await story.step('an exit of it leads out what is inside, the LAN too; the host goes by itself', async () => {
      const server = fleet.net.host('server')
      await serve(server, ['tcp', WEB_PORT])
      server.spawn(
        ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--address=/example.test/192.0.2.7'],
        'dns',
      )
      await silent({ host: gw.host, by: IN_BLUE, to: SERVER, port: WEB_PORT })
      await hub.apply(...exit)
      await reaches({ host: gw.host, by: IN_BLUE, to: SERVER, port: WEB_PORT }, outsideOf(topology, 'gamma'))
      await plc.ip(['route add default via 192.168.77.1'])
      await reaches({ host: plc, to: SERVER, port: WEB_PORT }, outsideOf(topology, 'gamma'))
      await reaches({ host: gw.host, to: SERVER, port: WEB_PORT }, outsideOf(topology, 'alpha'))
      await waitFor(
        'a name of the internet is found inside',
        async () => {
          const found = await lookUp('www.example.test')
          return holds(found === '192.0.2.7', found)
        },
        { timeoutMs: 30_000 },
      )
    })
    await story.step('who makes sockets inside dies: what is open goes on, and the next ones are made', async () => {
      await gw.host.exec(['pkill', '-f', 'holdfast-bpf namespace serve'])
      await apart(gw.host)
      await waitFor(
        'a peer of the further network is pinged',
        async (): Promise<Seen<true>> => {
          const { code, stdout } = await gw.host.attempt(['holdfast', 'ping', 'blue-1', '-c', '1', '--network', 'blue'])
          return code === 0 ? { done: true } : { notYet: stdout }
        },
        { timeoutMs: 30_000 },
      )
    })
    await story.step('both hubs die, and the power is cut', async () => {
      await Promise.all([fleet.hub.kill(), hub.kill()])
      await gw.reboot()
    })
    await story.step('both networks are there from the cache, as far apart as before', async () => {
      await gw.start()
      await startBlue(gw)
      await apart(gw.host)
      await reaches({ host: blue.host, to: PLC, port: PLC_PORT }, '192.168.77.1')
    })
    await story.step('one is left: nothing of it stays, and the other has not noticed', async () => {
      await gw.cli(['leave', '--network', 'blue'])
      const traces = await tracesOf(gw.host)
      expect(traces === '', 'no trace', traces)
      const links = await gw.host.exec(['ip', '-o', 'link', 'show', 'dev', 'eth1'])
      expect(links.includes('eth1'), 'the LAN’s interface is the host’s again', links)
      await reaches({ host: gw.host, port: RED_PORT }, OWN)
    })
  },
}

/** By the resolver at an address, port 53. */
const LOOK_UP = `const { Resolver } = require('node:dns').promises; const r = new Resolver(); r.setServers([process.argv[1]]);
r.resolve4(process.argv[2]).then((all) => console.log(all.join()), (error) => console.log(error.code))`

if (import.meta.main) process.exitCode = await runScenario(scenario)
