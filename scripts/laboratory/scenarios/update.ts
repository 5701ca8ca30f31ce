// Promise 5, of the program itself: an update that breaks what worked, or does not even start, takes itself back on the device
// and says why; one that works is confirmed. Traffic goes on, whatever happens to agents.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentStatus } from '../../../edge/agent.ts'
import { type Builds, beginUpdate, createBuilds, killAgent, layProgram, updateTo } from '../device-program.ts'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { twoSites } from '../shapes.ts'
import type { Story } from '../story.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

/** Shorter than on real devices, for the sake of whoever waits here. */
const FLAGS = ['--confirm-s', '4']
const PATIENCE_MS = 180_000

/** Ends at once when it should run, and says its version as if nothing were wrong. */
const CRASHES = "if (process.argv[2] === 'agent') { process.stderr.write('a defect\\n'); process.exit(3) }"
/** Comes up and carries the mesh, but looks for the hub where nobody is. */
const LOSES_HUB = "process.env.HOLDFAST_PROXY = 'http://198.18.255.254:3128';"

interface Stage {
  readonly fleet: Fleet
  readonly story: Story
  readonly builds: Builds
  readonly node: LabNode
}

function lastOf({ update }: AgentStatus): string {
  const { last, trial } = update ?? {}
  if (last === undefined) return trial === undefined ? 'none' : `trial of ${trial.version}`
  return [last.outcome, last.version, last.failed?.check ?? ''].join(' ').trim()
}

/** Pings of a neighbour and of the other site through the mesh, without a loss. */
async function underPings<T>({ fleet, node }: Stage, act: () => Promise<T>): Promise<T> {
  const address = await node.address()
  const watches = ['alpha-1', 'beta-1'].map((name) => watchPing(fleet.node(name).host, address))
  const value = await act()
  for (const watch of watches) {
    const { lost, sent } = await watch.stop()
    expect(lost === 0 && sent > 0, `no ping to ${node.name} lost`, `${lost} of ${sent}`)
  }
  return value
}

/** The update comes to that end, the version runs, and the command says so by its exit code. */
async function ends(stage: Stage, file: string, outcome: string, runs: string): Promise<string> {
  const { code, stderr, stdout } = await underPings(stage, () => updateTo(stage.node, [file]))
  const confirmed = outcome.startsWith('confirmed')
  expect(code === (confirmed ? 0 : 1), `an exit code of ${confirmed ? 0 : 1}`, `${code}: ${stderr}${stdout}`)
  await stage.fleet.sees(
    stage.node,
    `${outcome}, ${runs} runs`,
    (one) => lastOf(one) === outcome && one.version === runs,
  )
  return stdout.trim()
}

async function isRefused({ node }: Stage, words: readonly string[], why: RegExp): Promise<void> {
  const before = await node.status()
  const { code, stderr } = await updateTo(node, words)
  expect(code === 1 && why.test(stderr), `a refusal: ${why.source}`, `${code}: ${stderr}`)
  const { uptimeS, version } = await node.status()
  expect(
    version === before.version && uptimeS >= before.uptimeS,
    'the same agent runs on',
    `${version}, up ${uptimeS} s`,
  )
}

/** What is no build, or not the right one, changes nothing. */
async function badInput(stage: Stage, good: string): Promise<void> {
  const torn = join(stage.node.host.lib, 'torn.tar.gz')
  writeFileSync(torn, 'a page that says 404\n')
  await isRefused(stage, ['/var/lib/torn.tar.gz'], /no build of Holdfast/)
  await isRefused(stage, [good, '--sha256', '0'.repeat(64)], /SHA-256 is [0-9a-f]{64}, and not/)
  await isRefused(stage, [good], /version 2\.0\.0 runs already/)
  await isRefused(stage, ['/bin/true'], /does not (?:start|answer)/)
}

async function hubKnows({ fleet, node }: Stage, words: RegExp): Promise<void> {
  await waitFor(
    `the hub says ${words.source}`,
    async () => {
      const page = await fleet.hub.cli(['explain', 'node', node.name])
      return holds(words.test(page), page)
    },
    { timeoutMs: PATIENCE_MS, everyMs: 1_000 },
  )
}

/** Its watch is interrupted by `harm`, goes on, and comes to that end. */
async function interrupted(stage: Stage, file: string, harm: () => Promise<void>, outcome: string): Promise<void> {
  const { fleet, node } = stage
  beginUpdate(node, [file])
  await fleet.sees(node, 'is on trial', ({ update }) => update?.trial !== undefined, PATIENCE_MS)
  await harm()
  await fleet.sees(node, outcome, (status) => lastOf(status) === outcome, PATIENCE_MS)
}

/** Online, and no revision is on trial. */
function isReady({ mode, revision, version }: AgentStatus): boolean {
  return mode === 'online' && version === '1.0.0' && revision.trial === undefined
}

async function reboot(node: LabNode): Promise<void> {
  await node.reboot()
  await node.start()
}

async function playOn(stage: Stage): Promise<void> {
  const { builds, fleet, node, story } = stage
  await story.step('alpha-2 runs version 1.0.0 from a slot, under a supervisor', async () => {
    layProgram(node, builds.make('1.0.0'), FLAGS)
    await node.end('SIGTERM')
    await node.start()
    await fleet.mesh()
    await fleet.sees(node, 'is online, and has no trial', isReady, PATIENCE_MS)
  })
  const good = builds.make('2.0.0')
  const told = (text: string): string => text
  await story.step('updated to 2.0.0: confirmed', () => ends(stage, good, 'confirmed 2.0.0', '2.0.0'), told)
  await story.step('what is no build, another file, the same version: refused, nothing changes', () =>
    badInput(stage, good),
  )
  const crashes = builds.make('3.0.0', CRASHES)
  await story.step(
    'updated to one that ends when it starts: taken back',
    () => ends(stage, crashes, 'taken-back 3.0.0 restarts', '2.0.0'),
    told,
  )
  await story.step('the same file is not taken again, and the hub says why', async () => {
    await isRefused(stage, [crashes], /taken back here/)
    await hubKnows(stage, /version 3\.0\.0, check restarts: it was started 4 times/)
  })
  const deaf = builds.make('4.0.0', LOSES_HUB)
  await story.step(
    'updated to one that loses the hub: taken back',
    () => ends(stage, deaf, 'taken-back 4.0.0 hub', '2.0.0'),
    told,
  )
  await story.step(
    'the hub is there again without it, so it is to blame; the hub says which check failed',
    async () => {
      await fleet.sees(node, 'is sure', ({ update }) => update?.last?.certain === true, PATIENCE_MS)
      await hubKnows(stage, /to 4\.0\.0 taken back, 2\.0\.0 runs: hub, the link to the hub is lost/)
    },
  )
  await story.step('updated to 5.0.0; the power goes in the middle of the watch: confirmed', () =>
    interrupted(stage, builds.make('5.0.0'), () => reboot(node), 'confirmed 5.0.0'),
  )
  await story.step('without the hub, to 6.0.0, whose agent is killed in the middle: confirmed', async () => {
    await fleet.hub.kill()
    await fleet.sees(node, 'works by itself', ({ mode }) => mode === 'autonomous', PATIENCE_MS)
    await interrupted(stage, builds.make('6.0.0'), () => killAgent(node), 'confirmed 6.0.0')
  })
  await story.step('with no agent running, to 7.0.0: confirmed once it is started', async () => {
    await node.reboot()
    const { code, stderr, stdout } = await updateTo(node, [builds.make('7.0.0')])
    expect(code === 0 && /version 7\.0\.0 is the next/.test(stdout), 'the next version is laid', `${code}: ${stderr}`)
    await node.start()
    await fleet.sees(node, 'confirmed 7.0.0', (status) => lastOf(status) === 'confirmed 7.0.0', PATIENCE_MS)
  })
  await story.step('the mesh is whole', () => fleet.mesh())
}

export const scenario: Scenario = {
  name: 'update',
  promise:
    'an update of the agent under traffic loses no packet; one that breaks what worked, or never starts, takes itself back',
  shape: twoSites,
  async play(fleet, story) {
    await story.step('the mesh is whole', () => fleet.mesh())
    const builds = await story.step('builds are made', createBuilds)
    try {
      await playOn({ fleet, story, builds, node: fleet.node('alpha-2') })
    } finally {
      builds.remove()
    }
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
