// Promise 1: power on with no hub, no internet, no DNS and no default route; the mesh comes up from the cache.

import { systemClock } from '../../../shared/host/clock.ts'
import type { Fleet } from '../fleet.ts'
import { difference, meshState } from '../kernel.ts'
import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { twoSites } from '../shapes.ts'
import { durationText } from '../story.ts'
import { expect } from '../unmet.ts'

/** Tries again at once while there is no route yet, then every 20 ms. */
const FIRST_PING = 'until ping -n -q -i 0.02 -c 1 -w 2 "$0" >/dev/null 2>&1; do sleep 0.005; done'
/** The promise says about a second; the lab shares two cores with everything else, so this only catches a broken one. */
const FIRST_PING_MS_MAX = 5_000

/** Milliseconds from the start of the agent to the first answer from the peer. */
async function firstPing(node: LabNode, peer: LabNode): Promise<number> {
  const address = await peer.address()
  const startedAt = systemClock.monotonic()
  const answered = node.host.exec(['sh', '-c', FIRST_PING, address], { timeoutMs: 30_000 })
  node.launch()
  await answered
  return systemClock.monotonic() - startedAt
}

async function rebootAlone(node: LabNode): Promise<void> {
  await node.reboot()
  await node.host.ip(['route delete default'])
}

async function isAutonomous(fleet: Fleet, node: LabNode): Promise<void> {
  await fleet.sees(node, 'works from its cache and says so', ({ mode, revision }) => {
    return mode === 'autonomous' && revision.applied.revision === revision.held.revision && revision.held.revision > 0
  })
}

export const scenario: Scenario = {
  name: 'cold-boot',
  promise: 'a device that boots without hub, internet, DNS and default route is back on the mesh from its cache',
  shape: { ...twoSites, asUnit: true },
  alone: true,
  async play(fleet, story) {
    const [one, two, three] = ['alpha-1', 'alpha-2', 'alpha-3'].map((name) => fleet.node(name))
    if (one === undefined || two === undefined || three === undefined) return
    await story.step('the mesh is whole', () => fleet.mesh())
    const before = await meshState(two.host)
    await story.step('the hub is killed, and site alpha loses its uplink', async () => {
      await fleet.hub.kill()
      await fleet.net.cables.connect('alpha-router', 'wan', false)
    })
    await story.step('alpha-2 loses power and boots, without a default route', () => rebootAlone(two))
    const ms = await story.step(
      'its agent starts',
      () => firstPing(two, one),
      (took) => `first mesh ping after ${durationText(took)}`,
    )
    expect(ms < FIRST_PING_MS_MAX, `the first mesh ping within ${FIRST_PING_MS_MAX} ms`, durationText(ms))
    await story.step('all of alpha reaches all of alpha, both families', () => fleet.mesh({ among: [one, two, three] }))
    await story.step('its peers, addresses, routes and policy are what they were', async () => {
      const now = await meshState(two.host)
      expect(now === before, 'the same as before the power cut', difference(before, now))
    })
    await story.step('alpha-2 says that it is autonomous', () => isAutonomous(fleet, two))
    await story.step('the whole site loses power; all three boot at once', async () => {
      await Promise.all([one, two, three].map(rebootAlone))
      await Promise.all([one, two, three].map((node) => node.start()))
    })
    await story.step('all of alpha reaches all of alpha again', () => fleet.mesh({ among: [one, two, three] }))
    await story.step('uplink and hub come back', async () => {
      await fleet.net.cables.connect('alpha-router', 'wan', true)
      for (const node of [one, two, three]) await node.host.ip(['route add default via 192.168.1.1'])
      await fleet.hub.start()
    })
    await story.step('the whole mesh is back', () => fleet.mesh())
    await story.step('and every device is online', () =>
      Promise.all(fleet.nodes.map((node) => fleet.sees(node, 'is online', ({ mode }) => mode === 'online', 60_000))),
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
