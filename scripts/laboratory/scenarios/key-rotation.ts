// A device gets another WireGuard key, and another device key, while traffic flows, and there is no gap, with the hub there and
// with the hub away. Who was away meanwhile finds it again, if need be by its own word alone, and a power cut leaves it working.

import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { type PingWatch, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { homeSite, network, pingPolicy, relayNode, resource } from '../shapes.ts'
import { outsideOf, type Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { type Seen, waitFor } from '../wait.ts'

const topology: Topology = {
  internet: ['hub', 'relay-1'],
  sites: [
    homeSite('alpha', ['alpha-1', 'alpha-2']),
    { name: 'beta', nat: 'eim', hosts: ['beta-1'] },
    { name: 'gamma', nat: 'eim', hosts: ['gamma-1'] },
  ],
}

const PING_EVERY_MS = 100
const TIMEOUT_MS = 60_000
/** All hosts share two cores here: where those are busy, a packet that is under way at the very moment may miss it. */
const GAP_MS_MAX = 2 * PING_EVERY_MS
/** WireGuard may take its next try only after 5 s, and what is lost by then shows. */
const SETTLED_MS = 8_000

async function watchAll(fleet: Fleet, rotating: LabNode): Promise<readonly PingWatch[]> {
  const others = ['alpha-2', 'beta-1', 'relay-1'].map((name) => fleet.node(name))
  const pairs = others.flatMap((other) => [[other, rotating] as const, [rotating, other] as const])
  return Promise.all(pairs.map(async ([from, to]) => watchPing(from.host, await to.address(), PING_EVERY_MS)))
}

async function noGap(watches: readonly PingWatch[]): Promise<string> {
  const reports = await Promise.all(watches.map((watch) => watch.stop()))
  const told = reports.map(({ lost, sent }) => `${lost} of ${sent}`).join(', ')
  for (const { gapMs, lost, sent } of reports) {
    expect(gapMs <= GAP_MS_MAX, 'no gap', `${lost} of ${sent} lost, ${gapMs} ms in a row; all: ${told}`)
  }
  const [lost, sent] = [0, 0].map((_, at) => reports.reduce((sum, one) => sum + (at === 0 ? one.lost : one.sent), 0))
  return `${lost} of ${sent} pings lost on ${reports.length} ways`
}

function ownKey(node: LabNode): Promise<string> {
  return node.host.exec(['wg', 'show', 'hf0', 'public-key']).then((text) => text.trim())
}

/** Each kernel has the device under the new key alone. */
async function knownBy(nodes: readonly LabNode[], before: string, after: string): Promise<void> {
  const look = async (): Promise<Seen<true>> => {
    for (const node of nodes) {
      const peers = await node.host.exec(['wg', 'show', 'hf0', 'peers'])
      if (!peers.includes(after) || peers.includes(before)) return { notYet: `${node.name} has ${peers}` }
    }
    return { done: true }
  }
  await waitFor(`${nodes.length} devices know the new key alone`, look, { timeoutMs: TIMEOUT_MS, everyMs: 100 })
}

interface Rotated {
  readonly before: string
  readonly after: string
}

async function rotate(node: LabNode): Promise<Rotated> {
  const before = await ownKey(node)
  await node.cli(['keys', 'rotate'])
  const after = await ownKey(node)
  expect(after !== before, 'WireGuard has another key', after)
  for (const file of ['wg.key', 'wg-keys.json']) {
    const mode = (await node.host.exec(['stat', '-c', '%a', `/var/lib/holdfast/${file}`])).trim()
    expect(mode === '600', `${file} is for root alone`, mode)
  }
  return { before, after }
}

interface KeysShown {
  readonly inIntent: boolean
  readonly device: {
    readonly key: string
    readonly serial: number
    readonly inIntent: boolean
    readonly awaiting?: string
  }
}

async function keysOf(node: LabNode): Promise<KeysShown> {
  return JSON.parse(await node.cli(['keys', 'show', '--json'])) as KeysShown
}

async function rotateDevice(node: LabNode): Promise<void> {
  const { device: before } = await keysOf(node)
  await node.cli(['keys', 'rotate', '--device'])
  const { device: after } = await keysOf(node)
  expect(after.key !== before.key && after.serial === before.serial + 1, 'it has another device key', after.key)
  for (const file of ['device.key', 'device-keys.json']) {
    const mode = (await node.host.exec(['stat', '-c', '%a', `/var/lib/holdfast/${file}`])).trim()
    expect(mode === '600', `${file} is for root alone`, mode)
  }
}

/** Changes the device key while pings run: nothing of WireGuard's changes, so nothing may be lost but by a busy machine. */
async function rotateDeviceUnderTraffic(fleet: Fleet, node: LabNode): Promise<string> {
  const watches = await watchAll(fleet, node)
  await pause(1_000)
  await rotateDevice(node)
  await pause(SETTLED_MS)
  return noGap(watches)
}

/** The hub knows the device by its present device key, under the id that it always had. */
async function deviceInIntent({ hub }: Fleet, node: LabNode, nodeId: string): Promise<void> {
  const look = async (): Promise<Seen<true>> => {
    const { device } = await keysOf(node)
    const told = await hub.cli(['explain', 'node', node.name])
    const same = told.includes(device.key) && told.includes(nodeId)
    return device.inIntent && same ? { done: true } : { notYet: `in intent: ${device.inIntent}, the hub: ${same}` }
  }
  await waitFor('the hub has taken the device key into intent', look, { timeoutMs: TIMEOUT_MS })
}

async function nodeIdOf(node: LabNode): Promise<string> {
  return (JSON.parse(await node.cli(['status', '--json'])) as { readonly nodeId: string }).nodeId
}

/** Changes the key while pings run, and waits until nothing can come late any more. */
async function rotateUnderTraffic(fleet: Fleet, node: LabNode, others: readonly LabNode[]): Promise<string> {
  const watches = await watchAll(fleet, node)
  await pause(1_000)
  const { after, before } = await rotate(node)
  await knownBy(others, before, after)
  await pause(SETTLED_MS)
  return noGap(watches)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}

async function inIntent({ hub }: Fleet, node: LabNode): Promise<void> {
  const wgKey = await ownKey(node)
  const look = async (): Promise<Seen<true>> => {
    const { inIntent: there } = JSON.parse(await node.cli(['keys', 'show', '--json'])) as { inIntent: boolean }
    const told = await hub.cli(['explain', 'node', node.name])
    return there && told.includes(wgKey) ? { done: true } : { notYet: `in intent: ${there}` }
  }
  await waitFor('the hub has taken the key into intent', look, { timeoutMs: TIMEOUT_MS })
}

function allAre(fleet: Fleet, nodes: readonly LabNode[], mode: 'online' | 'autonomous') {
  return Promise.all(nodes.map((node) => fleet.sees(node, `is ${mode}`, (status) => status.mode === mode, TIMEOUT_MS)))
}

const LOCK_KEY = '/var/lib/alice.key'

/** Under a membership lock nothing happens until somebody has signed. */
async function rotateUnderLock(fleet: Fleet, node: LabNode, others: readonly LabNode[]): Promise<string> {
  const { hub } = fleet
  const before = await ownKey(node)
  const watches = await watchAll(fleet, node)
  const asked = JSON.parse(await node.cli(['keys', 'rotate', '--json'])) as { awaiting?: string }
  const look = async (): Promise<Seen<true>> => {
    const pending = await hub.cli(['lock', 'pending'])
    return asked.awaiting !== undefined && pending.includes(asked.awaiting) ? { done: true } : { notYet: pending }
  }
  await waitFor('the key waits for signatures at the hub', look, { timeoutMs: TIMEOUT_MS })
  expect((await ownKey(node)) === before, 'it is not in use yet', await ownKey(node))
  await hub.cli(['lock', 'sign', node.name, '--key', LOCK_KEY])
  await knownBy(others, before, asked.awaiting ?? '')
  await pause(SETTLED_MS)
  return noGap(watches)
}

async function askForDeviceKey({ hub }: Fleet, node: LabNode): Promise<void> {
  const { device: before } = await keysOf(node)
  await node.cli(['keys', 'rotate', '--device'])
  const { device: asked } = await keysOf(node)
  expect(asked.key === before.key && asked.awaiting !== undefined, 'it is asked for, and not in use', asked.key)
  const look = async (): Promise<Seen<true>> => {
    const pending = await hub.cli(['lock', 'pending'])
    return pending.includes(asked.awaiting ?? '') ? { done: true } : { notYet: pending }
  }
  await waitFor('the device key waits for signatures at the hub', look, { timeoutMs: TIMEOUT_MS })
  await hub.cli(['lock', 'sign', node.name, '--key', LOCK_KEY])
  const turned = async (): Promise<Seen<true>> => {
    const { device } = await keysOf(node)
    return device.key === asked.awaiting ? { done: true } : { notYet: device.key }
  }
  await waitFor('the device has turned to it', turned, { timeoutMs: TIMEOUT_MS })
}

export const scenario: Scenario = {
  name: 'key-rotation',
  promise:
    'a device changes its WireGuard key and its device key under traffic without a gap, with the hub, without it, and under a lock',
  alone: true,
  shape: {
    topology,
    intent: [
      network,
      pingPolicy,
      relayNode(topology, 'relay-1'),
      resource('Node', 'alpha-1', { publicEndpoint: `${outsideOf(topology, 'alpha')}:51820` }),
    ],
  },
  async play(fleet, story) {
    const { hub, nodes } = fleet
    const [rotating, away] = [fleet.node('alpha-1'), fleet.node('gamma-1')]
    const there = nodes.filter((node) => node !== rotating && node !== away)
    const told = (text: string): string => text
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('gamma-1 is switched off', () => away.host.powerOff())
    await story.step(
      'alpha-1 changes its key under pings, 10 a second on six ways',
      () => rotateUnderTraffic(fleet, rotating, there),
      told,
    )
    await story.step('the hub has taken it into intent', () => inIntent(fleet, rotating))
    const nodeId = await nodeIdOf(rotating)
    await story.step(
      'alpha-1 changes its device key under the same pings',
      () => rotateDeviceUnderTraffic(fleet, rotating),
      told,
    )
    await story.step('the hub has taken that into intent, and it is the same node', () =>
      deviceInIntent(fleet, rotating, nodeId),
    )
    await story.step('gamma-1 is switched on, and finds it', async () => {
      await away.reboot()
      await away.start()
      await fleet.mesh()
    })
    await story.step('gamma-1 is switched off again, and the hub is killed', async () => {
      await away.host.powerOff()
      await hub.kill()
      await allAre(fleet, [rotating, ...there], 'autonomous')
    })
    await story.step(
      'alpha-1 changes its device key once more, and nobody but itself says so',
      () => rotateDeviceUnderTraffic(fleet, rotating),
      told,
    )
    await story.step(
      'alpha-1 changes its key once more, by its own word alone',
      () => rotateUnderTraffic(fleet, rotating, there),
      told,
    )
    await story.step('alpha-1 loses its power and comes back', async () => {
      const wgKey = await ownKey(rotating)
      await rotating.reboot()
      await rotating.start()
      await fleet.mesh({ among: [rotating, ...there] })
      expect((await ownKey(rotating)) === wgKey, 'it has the key it had', await ownKey(rotating))
    })
    await story.step('the agents of all others stop; gamma-1 comes back and meets nobody but alpha-1', async () => {
      for (const node of there) await node.end('SIGKILL')
      await away.reboot()
      await away.start()
      await fleet.mesh({ among: [rotating, away] })
    })
    await story.step('the others are back, and so is the hub, which takes the key into intent', async () => {
      for (const node of there) await node.start()
      await hub.start()
      await allAre(fleet, nodes, 'online')
      await inIntent(fleet, rotating)
      await deviceInIntent(fleet, rotating, nodeId)
      await fleet.acknowledged()
      await fleet.mesh()
    })
    await story.step('a membership lock comes into force', async () => {
      await hub.cli(['lock', 'key', LOCK_KEY])
      await hub.cli(['lock', 'init', '--key', LOCK_KEY])
      const locked = (node: LabNode) =>
        fleet.sees(node, 'pins it', ({ membershipLock }) => membershipLock?.threshold === 1)
      await Promise.all(nodes.map(locked))
    })
    await story.step(
      'alpha-1 asks for another key, and has it once somebody has signed',
      () => rotateUnderLock(fleet, rotating, [away, ...there]),
      told,
    )
    await story.step('alpha-1 asks for another device key, and has it once somebody has signed', async () => {
      await askForDeviceKey(fleet, rotating)
      await deviceInIntent(fleet, rotating, nodeId)
    })
    await story.step('the mesh is whole, and the key in intent', async () => {
      await inIntent(fleet, rotating)
      await fleet.mesh()
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
