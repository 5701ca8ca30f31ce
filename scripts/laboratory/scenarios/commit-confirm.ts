// Promise 5: a revision that cuts a device off rolls itself back on the device, says why, and is not tried again; one that
// works is confirmed. A power cut in the middle of the watch does not end it.

import type { AgentStatus } from '../../../edge/agent.ts'
import type { Fleet } from '../fleet.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { resource, twoSites } from '../shapes.ts'
import { internetAddress } from '../topology.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

/** Shorter than on real devices, for the sake of whoever waits here. */
const WATCH_S = 15
/** The lab shares two cores with everything else: a roll-back takes half a minute, and may take a while longer. */
const PATIENCE_MS = 120_000

const HUB = `${internetAddress(twoSites.topology, 'hub')}/32`
const INTERNET = '198.18.0.0/16'

const webPolicy = resource('Policy', 'web', {
  subject: { nodeSelector: { matchLabels: { role: 'worker' } } },
  ingress: [{ ports: [{ protocol: 'TCP', port: 80 }] }],
})

/** The whole internet by way of alpha-3, and the hub by way of beta-2: a slip that leaves nobody a way to anywhere. */
const slip = [
  resource('Node', 'alpha-3', { labels: { site: 'alpha', role: 'worker', exit: 'all' }, advertise: [INTERNET] }),
  resource('Node', 'beta-2', { labels: { site: 'beta', role: 'worker', exit: 'hub' }, advertise: [HUB] }),
  resource('Route', 'everything', { destination: INTERNET, via: { matchLabels: { exit: 'all' } } }),
  resource('Route', 'hub', { destination: HUB, via: { matchLabels: { exit: 'hub' } } }),
]

async function withdraw(fleet: Fleet): Promise<void> {
  for (const name of ['everything', 'hub']) await fleet.hub.cli(['delete', 'route', name])
}

/** Every device runs the newest revision, and it has proven itself. */
function confirmed(fleet: Fleet): Promise<unknown> {
  return waitFor(
    'the newest revision is confirmed everywhere',
    async () => {
      const { confirmed: proven, nodes, takenBack, version } = await fleet.hub.rollOut()
      const seen = `revision ${version.revision}: ${proven} of ${nodes} confirmed, ${takenBack.length} took it back`
      return holds(proven === nodes && takenBack.length === 0, seen)
    },
    { timeoutMs: PATIENCE_MS, everyMs: 500 },
  )
}

function isBack({ mode, revision }: AgentStatus): boolean {
  const { applied, held, lastGood, quarantine } = revision
  return (
    quarantine?.certain === true &&
    mode === 'online' &&
    applied.revision === lastGood.revision &&
    applied.revision < held.revision
  )
}

async function everywhereBack(fleet: Fleet): Promise<void> {
  await Promise.all(fleet.nodes.map((node) => fleet.sees(node, 'took it back, is online', isBack, PATIENCE_MS)))
}

/** The hub names every device and the check that failed. */
async function told(fleet: Fleet): Promise<string> {
  const { value } = await waitFor(
    'the hub knows that all five took it back',
    async () => {
      const { takenBack } = await fleet.hub.rollOut()
      return takenBack.length === 5 ? { done: takenBack } : { notYet: takenBack.map(({ name }) => name).join(', ') }
    },
    { timeoutMs: PATIENCE_MS, everyMs: 500 },
  )
  const page = await fleet.hub.cli(['status'])
  for (const { check, name } of value) {
    expect(page.includes(`${name} took revision`), `${name} on the page of \`holdfast-hub status\``, page)
    expect(check === 'hub', `${name} says that the link to the hub was lost`, check)
  }
  return value[0]?.detail ?? ''
}

export const scenario: Scenario = {
  name: 'commit-confirm',
  promise:
    'a revision that cuts devices off rolls back by itself on every one, and the hub says why; a good one is confirmed',
  shape: {
    ...twoSites,
    flags: Object.fromEntries(
      ['alpha-1', 'alpha-2', 'alpha-3', 'beta-1', 'beta-2'].map((name) => [
        name,
        { agent: ['--confirm-s', String(WATCH_S)] },
      ]),
    ),
  },
  async play(fleet, story) {
    const cycled = fleet.node('alpha-2')
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('a good policy is confirmed on every device', async () => {
      await fleet.hub.apply(webPolicy)
      await confirmed(fleet)
    })
    await story.step('routes that take the internet and the hub into the mesh are applied', () =>
      fleet.hub.apply(...slip),
    )
    await story.step('every device goes back to the last good revision, and is online again', () =>
      everywhereBack(fleet),
    )
    await story.step(
      'the hub says who took it back, and why',
      () => told(fleet),
      (detail) => detail,
    )
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('the slip is mended: the newer revision is tried, and confirmed everywhere', async () => {
      await withdraw(fleet)
      await confirmed(fleet)
    })
    await story.step('the slip again; alpha-2 loses power in the middle of its watch', async () => {
      await fleet.hub.apply(...slip)
      await fleet.sees(cycled, 'watches the revision', ({ revision }) => revision.trial !== undefined)
      await cycled.reboot()
      await cycled.start()
    })
    await story.step('it goes on watching, and goes back like the others', () => everywhereBack(fleet))
    await story.step('the mesh is whole', () => fleet.mesh())
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
