// Addresses change under traffic: the NAT restarts, the provider gives the site another address, the LAN gives the device
// another one, the device changes from Ethernet to LTE and back. Each time both directions work again by themselves.

import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { type PingReport, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { relayedSites } from '../shapes.ts'
import { durationText } from '../story.ts'
import type { Cable, Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { reaches, standsBy } from '../ways.ts'

/** Somebody on a video call would notice, and not hang up. */
const GAP_MS_MAX = 5_000
const WATCH_MS = 6_000
const NEW_OUTSIDE = '198.18.1.77'
const OLD_INSIDE = '192.168.1.11/24'
const NEW_INSIDE = '192.168.1.99/24'
const GATEWAY = '192.168.1.1'
/** A second uplink: its own router behind its provider's NAT. */
const LTE: Cable = { interface: 'eth1', segment: 'lte', address: '192.168.3.50/24' }
const LTE_GATEWAY = '192.168.3.1'
const topology: Topology = {
  ...relayedSites.topology,
  sites: [...relayedSites.topology.sites, { name: 'lte', nat: 'eim', carrierNat: true, hosts: [] }],
}

/** What both directions lost while something happened. */
async function during(one: LabNode, two: LabNode, happens: () => Promise<unknown>): Promise<readonly PingReport[]> {
  const watches = [
    watchPing(one.host, await two.address(), 20),
    // Asked from outside, where nothing opens the NAT but the device's own packets.
    watchPing(two.host, await one.address(), 20),
  ]
  await happens()
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
  const reports = await Promise.all(watches.map((watch) => watch.stop()))
  for (const { gapMs } of reports) {
    expect(gapMs <= GAP_MS_MAX, `a gap of at most ${GAP_MS_MAX} ms`, `${gapMs} ms`)
  }
  return reports
}

function gaps([out, back]: readonly PingReport[]): string {
  return `${durationText(out?.gapMs ?? 0)} out, ${durationText(back?.gapMs ?? 0)} in`
}

function withoutLength(cidr: string): string {
  return cidr.replace(/\/.*/, '')
}

async function moveInside({ host }: LabNode): Promise<void> {
  await host.ip([
    `address add ${NEW_INSIDE} dev eth0`,
    `route replace default via ${GATEWAY} src ${withoutLength(NEW_INSIDE)}`,
  ])
  // A secondary address goes with the first of its block, unless it is told to stay.
  await host.exec(['sysctl', '-q', '-w', 'net.ipv4.conf.eth0.promote_secondaries=1'])
  await host.ip([`address delete ${OLD_INSIDE} dev eth0`])
  await host.attempt(['ip', 'route', 'replace', 'default', 'via', GATEWAY])
}

/** As a network manager does when the cable is pulled: the link goes, and the default route moves. */
async function toLte({ net }: Fleet, { host, name }: LabNode): Promise<void> {
  await net.cables.connect(name, 'eth0', false)
  await host.ip(['link set eth0 down', `route replace default via ${LTE_GATEWAY} dev ${LTE.interface}`])
}

async function toEthernet({ net }: Fleet, { host, name }: LabNode): Promise<void> {
  await net.cables.connect(name, 'eth0', true)
  await host.ip(['link set eth0 up', `route replace default via ${GATEWAY} dev eth0`])
}

async function meet(fleet: Fleet, one: LabNode, two: LabNode): Promise<void> {
  await fleet.mesh({ among: [one, two] })
  await reaches(one, two.name, 'direct')
  const payload = watchPing(one.host, await two.address(), 200)
  await Promise.all([standsBy(one, two.name), standsBy(two, one.name)])
  await payload.stop()
}

export const scenario: Scenario = {
  name: 'roaming',
  promise: 'a NAT that restarts, addresses and uplinks that change cost a moment, both ways, with the hub away',
  shape: { ...relayedSites, topology },
  alone: true,
  async play(fleet, story) {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('beta-1')]
    await story.step('alpha-1 and beta-1 meet directly, a relay stands by', () => meet(fleet, one, two))
    await story.step('the hub is killed', () => fleet.hub.kill())
    await story.step(
      'alpha’s NAT forgets all mappings',
      () => during(one, two, () => fleet.net.rebindNat('alpha')),
      gaps,
    )
    await story.step(
      'the provider gives alpha another address',
      () => during(one, two, () => fleet.net.renumber('alpha', NEW_OUTSIDE)),
      gaps,
    )
    await story.step('the LAN gives alpha-1 another address', () => during(one, two, () => moveInside(one)), gaps)
    await fleet.net.cables.plug(one.host, LTE)
    await story.step(
      'the cable is pulled, and alpha-1 goes on by LTE',
      () => during(one, two, () => toLte(fleet, one)),
      gaps,
    )
    await story.step('directly, through the NATs of LTE', () => reaches(one, two.name, 'direct'))
    await story.step(
      'the cable is back, and so is the default route',
      () => during(one, two, () => toEthernet(fleet, one)),
      gaps,
    )
    await story.step('directly again', () => reaches(one, two.name, 'direct'))
    await story.step('both directions work', () => fleet.mesh({ among: [one, two] }))
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
