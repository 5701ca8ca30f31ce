// Devices that nobody talks with say nothing to each other, and the first packet to one of them is answered all the same.

import type { Fleet } from '../fleet.ts'
import { installMeter, readMeter } from '../meter.ts'
import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { type Seen, waitFor } from '../wait.ts'

const topology: Topology = {
  internet: ['hub', 'relay-1', 'relay-2'],
  sites: [
    { name: 'cone', nat: 'eim', hosts: ['cone-1'] },
    { name: 'home', nat: 'port-preserving', hosts: ['home-1', 'home-2'] },
    { name: 'strict', nat: 'symmetric', hosts: ['strict-1'] },
    { name: 'mobile', nat: 'symmetric', hosts: ['mobile-1'] },
  ],
}

/** How long is listened for what should not be there: twelve keepalives of each peer, two handshakes. */
const SILENCE_MS = 60_000
/**
 * Looks for ways after a start, and the first exchange with relays: half a minute. On a machine so busy that one device asks
 * another what it knows, the two have a session of WireGuard for three.
 */
const REST_MS_MAX = 210_000
/** WireGuard's own next try comes after five seconds; a wake is far below. */
const WAKE_MS_MAX = 1_000

const FIRST: readonly (readonly [string, string])[] = [
  ['cone-1', 'home-1'],
  ['strict-1', 'mobile-1'],
  ['mobile-1', 'cone-1'],
  ['home-2', 'strict-1'],
  ['home-1', 'home-2'],
  ['relay-1', 'strict-1'],
  ['home-2', 'relay-2'],
]

async function allRest(node: LabNode, others: number): Promise<Seen<true>> {
  const { peers } = await node.paths()
  if (peers.length < others) return { notYet: `${node.name} knows ${peers.length} peers` }
  const awake = peers.filter(({ mode }) => mode !== 'idle').map(({ name }) => name)
  return awake.length === 0 ? { done: true } : { notYet: `${node.name} is busy with ${awake.join(', ')}` }
}

async function fleetRests({ nodes }: Fleet): Promise<void> {
  await Promise.all(
    nodes.map((node) =>
      waitFor(`${node.name} rests`, () => allRest(node, nodes.length - 1), { timeoutMs: REST_MS_MAX }),
    ),
  )
  // Relays are bound a while longer.
  await new Promise((resolve) => setTimeout(resolve, 5_000))
}

async function listens({ nodes }: Fleet): Promise<number> {
  const hosts = nodes.map(({ host }) => host)
  await Promise.all(hosts.map((host) => installMeter(host)))
  await new Promise((resolve) => setTimeout(resolve, SILENCE_MS))
  let bytes = 0
  for (const host of hosts) {
    const { data, handshake, path, relay } = await readMeter(host)
    const told = `${host.name}: ${handshake.packets} handshake, ${data.packets} data, ${path.packets} path frames`
    expect(handshake.packets === 0 && data.packets === 0, 'WireGuard says nothing', told)
    expect(path.packets === 0, 'nor do the path engines', told)
    expect(relay.packets > 0, `${host.name} is heard by its relays`, told)
    if (!host.name.startsWith('relay')) bytes = Math.max(bytes, relay.bytes)
  }
  return bytes
}

/** Whoever rests can be called, so nobody is missing. */
async function nobodyIsMissed({ nodes }: Fleet): Promise<void> {
  for (const node of nodes) {
    const { health } = await node.status()
    const missed = health.find(({ code }) => code === 'peer-unreachable')
    expect(missed === undefined, `${node.name} misses nobody`, missed?.detail ?? '')
  }
}

interface Woken {
  readonly firstMs: number
  readonly rttMs: number
}

async function wake(fleet: Fleet, from: string, to: string): Promise<Woken> {
  const address = await fleet.node(to).address()
  const { stdout } = await fleet.node(from).host.attempt(['ping', '-n', '-c', '4', '-i', '0.5', '-W', '4', address])
  const times = [...stdout.matchAll(/icmp_seq=(\d+) .*time=([\d.]+)/g)].map(([, seq, ms]) => [Number(seq), Number(ms)])
  const first = times.find(([seq]) => seq === 1)?.[1]
  const later = times.filter(([seq]) => (seq ?? 0) > 1).map(([, ms]) => ms ?? 0)
  expect(first !== undefined, `${from} reaches ${to} with its first packet`, stdout)
  expect((first ?? 0) < WAKE_MS_MAX, `${to} answers ${from} in good time`, `${first} ms`)
  return { firstMs: first ?? 0, rttMs: Math.min(...later) }
}

async function wakeAll(fleet: Fleet): Promise<string> {
  const told: string[] = []
  for (const [from, to] of FIRST) {
    const { firstMs, rttMs } = await wake(fleet, from, to)
    told.push(`${from} → ${to} ${Math.round(firstMs)} ms (then ${rttMs} ms)`)
  }
  return told.join(', ')
}

export const scenario: Scenario = {
  name: 'idle',
  promise:
    'devices without traffic say nothing to each other, and the first packet to any of them arrives, hub or no hub',
  shape: {
    topology,
    intent: [network, pingPolicy, relayNode(topology, 'relay-1'), relayNode(topology, 'relay-2')],
  },
  async play(fleet, story) {
    await story.step('nobody has anything to say', () => fleetRests(fleet))
    await story.step(
      'and a minute passes without a keepalive, a handshake, a probe',
      () => listens(fleet),
      (bytes) => `at most ${bytes} bytes to and from relays`,
    )
    await story.step('nor is anybody said to be missing', () => nobodyIsMissed(fleet))
    await story.step('the hub dies', () => fleet.hub.kill())
    await story.step(
      'the first packet to each kind of peer is answered',
      () => wakeAll(fleet),
      (told) => told,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
