// A link on the way carries less than it should, its ICMP is filtered and fragments are dropped: small packets pass and large
// ones vanish. Transfers run on all the same, over IPv4 and IPv6 outside, and a path of full size stays at full size.

import type { Fleet } from '../fleet.ts'
import { giveIpv6 } from '../ipv6.ts'
import type { LabNode } from '../node.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { startTransfer } from '../transfer.ts'
import { expect } from '../unmet.ts'
import { type Waited, waitFor } from '../wait.ts'
import { carries, reaches } from '../ways.ts'

const PORT = 5_001
/** Noticed within a second or two; then TCP waits for its own timer. */
const PAUSE_MS_MAX = 10_000
const BYTES_PER_SECOND = 1_000_000
const BEFORE_MS = 2_000
const AFTER_MS = 8_000

const topology: Topology = {
  internet: ['hub'],
  sites: [
    homeSite('alpha', ['alpha-1', 'alpha-2'], { backyard: { gateway: 'alpha-1', hosts: ['plc'] } }),
    homeSite('beta', ['beta-1']),
  ],
}
const YARD = '192.168.77.0/24'
const yardRoute = resource('Route', 'machines', {
  destination: YARD,
  via: { matchLabels: { site: 'alpha', role: 'gateway' } },
  nat: 'none',
})
const transferPolicy = resource('Policy', 'transfer', {
  subject: { nodeSelector: {} },
  ingress: [{ ports: [{ protocol: 'TCP', port: PORT }] }],
})

/** No word of a datagram that is too large (the protocol stands 17 bytes into ICMP), and nothing of one that was cut up. */
const HOLE = `table inet hole {
  chain silence {
    type filter hook output priority filter
    icmp type destination-unreachable @th,136,8 17 drop
    icmpv6 type packet-too-big drop
  }
  chain fragments {
    type filter hook prerouting priority -450
    ip frag-off & 0x3fff != 0 drop
    exthdr frag exists drop
  }
}
`

const ROUTERS = ['alpha-router', 'beta-router'] as const

async function digHole(fleet: Fleet): Promise<void> {
  for (const name of ROUTERS) await fleet.net.host(name).exec(['nft', '-f', '-'], { input: HOLE })
}

/** What the link between the sites carries, either way. The hub is told, for its own TCP is not what this is about. */
async function linkCarries(fleet: Fleet, mtu: number): Promise<void> {
  await fleet.hub.host.ip([`link set eth0 mtu ${mtu}`])
  await Promise.all(ROUTERS.map((name) => fleet.net.host(name).ip([`link set wan mtu ${mtu}`])))
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Flow {
  readonly bytes: number
  readonly worstMs: number
}

/** A transfer during which something happens. */
async function transfer(
  from: Pick<LabNode, 'host'>,
  to: LabNode,
  family: 4 | 6,
  happens: () => Promise<unknown>,
): Promise<Flow> {
  const address = (await to.addresses()).find((one) => one.includes(':') === (family === 6)) ?? ''
  const flow = await startTransfer(from.host, to.host, { address, port: PORT, bytesPerSecond: BYTES_PER_SECOND })
  await pause(BEFORE_MS)
  await happens()
  await pause(AFTER_MS)
  const worstMs = flow.worstPauseMs()
  const { bytes } = await flow.finish()
  expect(worstMs <= PAUSE_MS_MAX, `a pause of at most ${PAUSE_MS_MAX} ms`, `${worstMs} ms`)
  return { bytes, worstMs }
}

function told({ bytes, worstMs }: Flow): string {
  return `${Math.round(bytes / 1e6)} MB, longest pause ${worstMs} ms`
}

function known({ value: { mtu } }: Waited<{ readonly mtu?: { readonly bytes: number } }>): string {
  return `${mtu?.bytes ?? 'nothing'} bytes`
}

const nothing = (): Promise<void> => Promise.resolve()

/** The route that the kernel takes to the peer says so. */
async function routed(node: LabNode, peer: LabNode, bytes: number): Promise<void> {
  const route = await node.host.exec(['ip', 'route', 'get', await peer.address()])
  expect(route.includes(`mtu ${bytes} `), `a route with mtu ${bytes}`, route.trim())
}

async function restarts(node: LabNode, peer: LabNode): Promise<void> {
  await node.end('SIGTERM')
  await node.reboot()
  await node.start()
  await waitFor(
    'the route is there with its MTU, before any packet',
    async () => ({ done: await routed(node, peer, 1_328) }),
    { timeoutMs: 5_000 },
  )
}

/** A machine behind alpha-1, whose own firewall lets no ICMP in: nobody can tell it what gets through. */
async function fromYard(fleet: Fleet, to: LabNode): Promise<Flow> {
  const host = fleet.net.host('plc')
  await host.ip(['route add 100.80.0.0/16 via 192.168.77.1'])
  const deaf = 'table ip deaf {\nchain i {\ntype filter hook input priority filter\nip protocol icmp drop\n}\n}\n'
  await host.exec(['nft', '-f', '-'], { input: deaf })
  return transfer({ host }, to, 4, nothing)
}

export const scenario: Scenario = {
  name: 'path-mtu',
  promise:
    'a link that carries less, and does not say so, costs a moment: the path is measured and packets are made to fit',
  shape: {
    topology,
    intent: [network, pingPolicy, transferPolicy, yardRoute, ...gatewayNodes(topology, { 'alpha-1': [YARD] })],
  },
  async play(fleet, story) {
    const [one, near, two] = [fleet.node('alpha-1'), fleet.node('alpha-2'), fleet.node('beta-1')]
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step(
      'a link of full size is known as such',
      async () => {
        await reaches(one, two.name, 'direct')
        const payload = watchPing(one.host, await two.address(), 100)
        const found = await carries(one, two.name, 1_420)
        await payload.stop()
        return found
      },
      known,
    )
    await story.step('ICMP is filtered, fragments are dropped', () => digHole(fleet))
    await story.step(
      'the link shrinks to 1400 under a transfer',
      () => transfer(one, two, 4, () => linkCarries(fleet, 1_400)),
      told,
    )
    await story.step('the path’s size is found', () => carries(one, two.name, 1_328), known)
    await story.step('so it is told', async () => {
      await routed(one, two, 1_328)
      const [explained, checked] = [await one.cli(['explain', two.name]), await one.cli(['netcheck'])]
      expect(explained.includes('kept to 1328 bytes (1388 outside)'), 'the size in words', explained)
      expect(checked.includes(`1328 to ${two.name}`), 'the size among the checks', checked)
    })
    await story.step(
      'a neighbour is reached at full size',
      async () => {
        const report = await transfer(one, near, 4, nothing)
        await carries(one, near.name, 1_420)
        return report
      },
      told,
    )
    await story.step('after a reboot the size is remembered', () => restarts(one, two))
    await story.step('a new transfer runs from its start', () => transfer(one, two, 4, nothing), told)
    await story.step('a machine behind alpha-1 that hears no ICMP', () => fromYard(fleet, two), told)
    await story.step('IPv6 inside shrinks with it', () => transfer(one, two, 6, () => linkCarries(fleet, 1_280)), told)
    await story.step('and has found the least size', () => carries(one, two.name, 1_216), known)
    await story.step('a new transfer over IPv6, below its least MTU', () => transfer(one, two, 6, nothing), told)
    await story.step(
      'IPv6 outside, and IPv4 is cut',
      async () => {
        await linkCarries(fleet, 1_492)
        await giveIpv6(fleet.net, { sites: ['alpha', 'beta'] })
        await reaches(one, two.name, 'direct')
        await fleet.net.sever('alpha', 'beta', true)
        const payload = watchPing(one.host, await two.address(), 100)
        const found = await carries(one, two.name, 1_408)
        await payload.stop()
        return found
      },
      known,
    )
    await story.step(
      'the link shrinks to 1400 under a transfer',
      () => transfer(one, two, 4, () => linkCarries(fleet, 1_400)),
      told,
    )
    await story.step('the path’s size is found', () => carries(one, two.name, 1_312), known)
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
