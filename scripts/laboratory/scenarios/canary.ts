// A change goes to one device first. A bad one stops there, and nobody else ever runs it; a good one goes on to all.

import type { CanaryState } from '../../../cloud/hub.ts'
import type { AgentStatus } from '../../../edge/agent.ts'
import type { Fleet } from '../fleet.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { resource, twoSites } from '../shapes.ts'
import { internetAddress } from '../topology.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

/** Both shorter than people would have them, for the sake of whoever waits here. */
const WATCH_S = 8
const WAIT = '30s'
const PATIENCE_MS = 120_000

const FIRST = 'alpha-2'
const NAMES = ['alpha-1', FIRST, 'alpha-3', 'beta-1', 'beta-2'] as const
const HUB = `${internetAddress(twoSites.topology, 'hub')}/32`

const first = resource('Node', FIRST, { labels: { ring: 'first' } })
/** The hub by way of beta-2, which has not heard of it yet: whoever follows it loses the hub. */
const slip = [
  resource('Node', 'beta-2', { labels: { exit: 'hub' }, advertise: [HUB] }),
  resource('Route', 'hub', { destination: HUB, via: { matchLabels: { exit: 'hub' } } }),
]
const webPolicy = resource('Policy', 'web', {
  subject: { nodeSelector: {} },
  ingress: [{ ports: [{ protocol: 'TCP', port: 80 }] }],
})

function applyFirst(fleet: Fleet, ...documents: readonly object[]): Promise<string> {
  const text = documents.map((one) => JSON.stringify(one)).join('\n---\n')
  return fleet.hub.cli(['apply', '-f', '-', '--canary', 'ring=first', '--canary-wait', WAIT], text)
}

function canaryIs(fleet: Fleet, state: CanaryState['state']): Promise<unknown> {
  return waitFor(
    `the canary is ${state}`,
    async () => {
      const { canaries } = await fleet.hub.rollOut()
      const seen = canaries.map((one) => `${one.state}, ${one.proven} of ${one.firstTotal} proven`).join('; ')
      return holds(canaries[0]?.state === state, seen || 'no canary')
    },
    { timeoutMs: PATIENCE_MS, everyMs: 250 },
  )
}

/** Holds what is new, and runs what it ran. */
function waits({ mode, revision }: AgentStatus): boolean {
  return mode === 'online' && revision.waiting !== undefined && revision.applied.revision < revision.held.revision
}

async function onlyFirstTriedIt(fleet: Fleet): Promise<void> {
  const others = fleet.nodes.filter(({ name }) => name !== FIRST)
  await Promise.all(others.map((node) => fleet.sees(node, 'waits for the canary', waits)))
  const { takenBack, waiting } = await fleet.hub.rollOut()
  expect(takenBack.map(({ name }) => name).join() === FIRST, `only ${FIRST} took it back`, JSON.stringify(takenBack))
  expect(waiting.length === others.length, 'all others wait', waiting.join(', '))
  const page = await fleet.hub.cli(['status'])
  expect(page.includes('stopped, one of them took it back'), 'the hub says that it stopped', page)
}

function everywhere(fleet: Fleet): Promise<unknown> {
  return waitFor(
    'the newest revision is confirmed everywhere, and the canary is gone',
    async () => {
      const { canaries, confirmed, nodes } = await fleet.hub.rollOut()
      return holds(
        canaries.length === 0 && confirmed === nodes,
        `${confirmed} of ${nodes}, ${canaries.length} canaries`,
      )
    },
    { timeoutMs: PATIENCE_MS, everyMs: 250 },
  )
}

export const scenario: Scenario = {
  name: 'canary',
  promise: 'a change is tried by one device first; a bad one stops there by itself, a good one goes on to all',
  shape: {
    ...twoSites,
    flags: Object.fromEntries(NAMES.map((name) => [name, { agent: ['--confirm-s', String(WATCH_S)] }])),
  },
  async play(fleet, story) {
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step(`${FIRST} is to go first`, async () => {
      await fleet.hub.apply(first)
      await everywhere(fleet)
    })
    await story.step('a route that takes the hub away is applied with a canary', () => applyFirst(fleet, ...slip))
    await story.step(`${FIRST} takes it back, and the canary stops`, () => canaryIs(fleet, 'stopped'))
    await story.step('nobody else has run it, and the hub says so', () => onlyFirstTriedIt(fleet))
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('the slip is mended, with another change: it proves itself and goes on to all', async () => {
      await fleet.hub.cli(['delete', 'route', 'hub'])
      await fleet.hub.apply(webPolicy)
      await everywhere(fleet)
    })
    await story.step('the mesh is whole', () => fleet.mesh())
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
