// A LAN that is all there is: no hub, no router, no relay, and addresses that change. Its devices find each other by
// beacons, and somebody who sits among them and plays all he ever heard changes nothing.

import { join } from 'node:path'
import type { Fleet } from '../fleet.ts'
import type { Running } from '../host.ts'
import type { LabNode } from '../node.ts'
import { type PingWatch, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy } from '../shapes.ts'
import { durationText } from '../story.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { reaches } from '../ways.ts'

const topology: Topology = {
  internet: ['hub'],
  bystanders: ['stranger'],
  sites: [{ name: 'site', nat: 'eim', hosts: ['device-1', 'device-2', 'device-3', 'stranger'] }],
}

const STRANGER = join(import.meta.dirname, '..', 'lan-stranger.ts')
const STRANGER_ADDRESS = '192.168.1.14'
const BROADCAST = '192.168.1.255'
const PORT = 51_823
const MOVED = { 'device-1': '192.168.1.111', 'device-2': '192.168.1.122' } as const
/** Addresses change, beacons are heard and probes answered; WireGuard's own handshake comes on top. */
const FOUND_MS_MAX = 5_000

function startStranger({ net }: Fleet): Running {
  const words = [process.execPath, STRANGER, STRANGER_ADDRESS, BROADCAST, String(PORT)]
  return net.host('stranger').spawn(words, 'stranger')
}

/** As a DHCP server that lost its memory does: the old address goes, another one comes. */
async function renumber(node: LabNode, address: string): Promise<void> {
  await node.host.ip(['address flush dev eth0 scope global', `address add ${address}/24 dev eth0`])
}

async function endpointAt(node: LabNode, peer: LabNode): Promise<string> {
  const { value } = await reaches(node, peer.name, 'lan')
  return value.endpoint
}

/** Where each of two devices reaches the other. */
async function between(one: LabNode, two: LabNode): Promise<string> {
  const [there, back] = await Promise.all([endpointAt(one, two), endpointAt(two, one)])
  return `${one.name} → ${there}, ${two.name} → ${back}`
}

async function bothMove(watch: PingWatch, one: LabNode, two: LabNode, mesh: () => Promise<unknown>): Promise<number> {
  await Promise.all([renumber(one, MOVED['device-1']), renumber(two, MOVED['device-2'])])
  await mesh()
  await Promise.all([endpointAt(one, two), endpointAt(two, one)])
  const { gapMs } = await watch.stop()
  expect(gapMs <= FOUND_MS_MAX, `a gap of at most ${FOUND_MS_MAX} ms`, `${gapMs} ms`)
  return gapMs
}

/** Nobody looks for anybody where the stranger would have him. */
async function nobodyMisled(nodes: readonly LabNode[], addresses: ReadonlyMap<string, string>): Promise<number> {
  let candidates = 0
  for (const node of nodes) {
    for (const peer of (await node.paths()).peers) {
      const address = addresses.get(peer.name) ?? ''
      for (const { endpoint, inUse, source } of peer.candidates) {
        candidates += 1
        const believed = inUse || source === 'lan'
        expect(!endpoint.startsWith(`${STRANGER_ADDRESS}:`), `${peer.name} is not the stranger`, endpoint)
        expect(
          !believed || endpoint.startsWith(`${address}:`),
          `${peer.name} is at ${address}`,
          `${endpoint} (${source})`,
        )
      }
    }
  }
  return candidates
}

export const scenario: Scenario = {
  name: 'lan-only',
  promise:
    'devices of one LAN find each other with no hub, no router and no relay, and a stranger there changes nothing',
  shape: { topology, intent: [network, pingPolicy] },
  alone: true,
  async play(fleet, story) {
    const [one, two, three] = [fleet.node('device-1'), fleet.node('device-2'), fleet.node('device-3')]
    const stranger = startStranger(fleet)
    await story.step(
      'the mesh is whole, each next door by LAN',
      async () => {
        await fleet.mesh()
        return await between(one, two)
      },
      (told) => told,
    )
    await story.step('a stranger has heard beacons and plays them', () => stranger.said(/of [1-9]\d* heard/))
    await story.step('the hub is killed and the router switched off; device-3, too', async () => {
      await fleet.hub.kill()
      await fleet.net.host('site-router').powerOff()
      await three.host.powerOff()
    })
    const watch = watchPing(one.host, await two.address(), 50)
    await story.step(
      'device-1 and device-2 both get another address: real pings again',
      () => bothMove(watch, one, two, () => fleet.mesh({ among: [one, two], timeoutMs: 15_000 })),
      (gapMs) => `a gap of ${durationText(gapMs)}`,
    )
    await story.step('device-3 gets its power back and knows old addresses only: the mesh is whole', async () => {
      await three.reboot()
      await three.start()
      await fleet.mesh({ timeoutMs: 20_000 })
    })
    await story.step(
      'the stranger’s noise, foreign and old beacons led nobody astray',
      async () => {
        const told = await stranger.said(/^played/)
        const at = new Map([...Object.entries(MOVED), ['device-3', '192.168.1.13'] as const])
        await nobodyMisled(fleet.nodes, at)
        return told
      },
      (told) => told,
    )
    await stranger.end('SIGTERM')
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
