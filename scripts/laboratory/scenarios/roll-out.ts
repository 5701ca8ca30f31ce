// Promise 5, for a fleet: the hub rolls out another version of the agent in waves. A good one goes on to all, also where a
// download is cut off; a bad one stops at the first device, which takes it back by itself; a file that was tampered with
// runs nowhere.

import { createHash } from 'node:crypto'
import { copyFileSync, globSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { hostTarget } from '../../../build/target.ts'
import type { AgentStatus } from '../../../edge/agent.ts'
import { signerFromSeed } from '../../../shared/host/crypto.ts'
import { formatReleaseKey } from '../../../shared/release/keys.ts'
import { encodeManifest, manifestName, signatureOf } from '../../../shared/release/manifest.ts'
import { signManifest } from '../../../shared/release/seal.ts'
import { type Builds, createBuilds, layProgram } from '../device-program.ts'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../shapes.ts'
import type { Story } from '../story.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { holds, type Seen, waitFor } from '../wait.ts'

const topology: Topology = {
  internet: ['hub'],
  sites: [homeSite('alpha', ['alpha-1', 'alpha-2']), homeSite('beta', ['beta-1'])],
}
/** Goes first: the only one that is no gateway. */
const FIRST = 'alpha-2'
/** Reached by people through the mesh alone; its download is cut off. */
const FAR = 'beta-1'
const KEYS = '/var/lib/release-keys.pem'
const ENVIRONMENT = [`HOLDFAST_RELEASE_KEYS=${KEYS}`, 'HOLDFAST_UPDATE_SPREAD_S=0']
/** Shorter than on real devices, for the sake of whoever waits here. */
const FLAGS = ['--confirm-s', '4']
const PATIENCE_MS = 60_000
const CRASHES = "if (process.argv[2] === 'agent') { process.stderr.write('a defect\\n'); process.exit(3) }"

const signer = signerFromSeed(new Uint8Array(32).fill(7))

interface Stage {
  readonly fleet: Fleet
  readonly story: Story
  readonly builds: Builds
}

/** A release as its publisher makes it, on the hub's disk. */
function publish({ builds, fleet }: Stage, version: string, prelude?: string): string {
  const build = builds.make(version, prelude)
  const directory = join(fleet.hub.host.lib, `release-${version}`)
  mkdirSync(directory)
  copyFileSync(build, join(directory, basename(build)))
  const content = readFileSync(build)
  const sha256 = createHash('sha256').update(content).digest('hex')
  const file = { name: basename(build), kind: 'agent', target: hostTarget(), size: content.length, sha256 }
  const manifest = { version, commit: 'unknown', createdAt: '2026-01-01T00:00:00Z', files: [file] }
  const { bytes, signature } = signManifest(encodeManifest(manifest), signer)
  writeFileSync(join(directory, manifestName), bytes)
  writeFileSync(signatureOf(join(directory, manifestName)), signature)
  writeFileSync(join(directory, 'release-key.pem'), formatReleaseKey(signer.publicKey))
  return `/var/lib/release-${version}`
}

/** The hub takes it, and sends it to one device, then to all. */
async function rollOut(stage: Stage, version: string, prelude?: string): Promise<void> {
  const { hub } = stage.fleet
  const directory = publish(stage, version, prelude)
  await hub.cli(['release', 'add', directory, '--trust-key', `${directory}/release-key.pem`])
  await order(stage, version)
}

async function order({ fleet }: Stage, version: string): Promise<void> {
  const waves = [{ matchLabels: { role: 'worker' } }, { percent: 100 }]
  await fleet.hub.apply(resource('AgentUpdate', 'fleet', { version, waves, soakS: 1 }))
}

const runs = (version: string) => (status: AgentStatus) =>
  status.version === version && status.update?.trial === undefined && status.mode === 'online'

function everywhere({ fleet }: Stage, version: string): Promise<unknown> {
  return Promise.all(fleet.nodes.map((node) => fleet.sees(node, `runs ${version}`, runs(version), PATIENCE_MS)))
}

async function hubSays({ fleet }: Stage, words: RegExp): Promise<void> {
  await waitFor(
    `the hub says ${words.source}`,
    async () => {
      const page = await fleet.hub.cli(['status'])
      return holds(words.test(page), page)
    },
    { timeoutMs: PATIENCE_MS, everyMs: 500 },
  )
}

/** Bytes of a build that came so far; undefined where none is on its way. */
function fetchedOf({ host }: LabNode): number | undefined {
  const versions = join(host.lib, 'program/versions')
  const name = readdirSync(versions).find((one) => one.startsWith('fetched-'))
  return name === undefined ? undefined : (statSync(join(versions, name), { throwIfNoEntry: false })?.size ?? undefined)
}

/** The download stops in the middle, and goes on from there. */
async function cutOff({ fleet }: Stage): Promise<string> {
  const far = fleet.node(FAR)
  const cable = 'eth0'
  await fleet.net.cables.slow(far.host, cable, 8_000)
  const some = 400_000
  const { value } = await waitFor(
    `some of the build is on ${FAR}`,
    async (): Promise<Seen<number>> => {
      const bytes = fetchedOf(far) ?? 0
      return bytes > some ? { done: bytes } : { notYet: `${bytes} bytes` }
    },
    { timeoutMs: PATIENCE_MS, everyMs: 20 },
  )
  const cut = (verb: string): Promise<string> => fleet.hub.host.exec(['nft', '-f', '-'], { input: verb })
  await cut(
    'table inet cut { chain in { type filter hook input priority 0; tcp dport 8443 reject with tcp reset; }; }\n',
  )
  await fleet.sees(far, 'waits', ({ order: now }) => now?.state === 'waiting', PATIENCE_MS)
  const left = fetchedOf(far) ?? 0
  expect(left >= value, 'what came stays', `${left} of ${value} bytes`)
  await cut('delete table inet cut\n')
  await fleet.net.cables.slow(far.host, cable, 0)
  return `${left} bytes stay`
}

/** One byte of the file that the hub hands out is another. */
function tamper({ fleet }: Stage, version: string): void {
  const [path = ''] = globSync(join(fleet.hub.host.lib, 'holdfast-hub/releases', version, '*.tar.gz'))
  const bytes = readFileSync(path)
  bytes[1_000] = (bytes[1_000] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

async function untouched({ fleet }: Stage, version: string): Promise<void> {
  for (const node of fleet.nodes) {
    const { order: now, version: is } = await node.status()
    expect(is === version, `${node.name} runs ${version}`, is)
    if (node.name !== FIRST) expect(now?.state === 'done', `${node.name} was never told`, JSON.stringify(now))
  }
}

async function playOn(stage: Stage): Promise<void> {
  const { builds, fleet, story } = stage
  const told = (text: string): string => text
  await story.step('three devices run 1.0.0 from slots, with the key of the publisher', async () => {
    const build = builds.make('1.0.0')
    for (const node of fleet.nodes) {
      layProgram(node, build, FLAGS, ENVIRONMENT)
      writeFileSync(join(node.host.lib, basename(KEYS)), formatReleaseKey(signer.publicKey))
    }
    await Promise.all(fleet.nodes.map((node) => node.end('SIGTERM').then(() => node.start())))
    await fleet.mesh()
    await everywhere(stage, '1.0.0')
  })
  await story.step(`2.0.0 is rolled out: ${FIRST} runs it first`, async () => {
    await rollOut(stage, '2.0.0')
    await fleet.sees(fleet.node(FIRST), 'runs 2.0.0', runs('2.0.0'), PATIENCE_MS)
    const { version } = await fleet.node('alpha-1').status()
    expect(version === '1.0.0', 'the others wait', version)
  })
  await story.step(`the others follow; the download of ${FAR} is cut off in the middle`, () => cutOff(stage), told)
  const underPing = async (): Promise<string> => {
    const watch = watchPing(fleet.node('alpha-1').host, await fleet.node(FAR).address())
    await everywhere(stage, '2.0.0')
    const { lost, sent } = await watch.stop()
    expect(lost === 0 && sent > 0, `no ping to ${FAR} lost`, `${lost} of ${sent}`)
    await waitFor(
      'the roll-out is complete',
      async () => {
        const page = await fleet.hub.cli(['get', 'agentupdates'])
        return holds(/complete +2\/2 +3\/3/.test(page), page)
      },
      { timeoutMs: PATIENCE_MS, everyMs: 500 },
    )
    return `none of ${sent} pings through the mesh is lost`
  }
  await story.step('it goes on from there: all run 2.0.0, and the hub says so', underPing, told)
  await story.step(`3.0.0 ends when it starts: ${FIRST} takes it back, nobody else is told`, async () => {
    await rollOut(stage, '3.0.0', CRASHES)
    await hubSays(stage, new RegExp(`HALTED: 1 failed.*${FIRST}: taken back: check restarts`))
    await untouched(stage, '2.0.0')
  })
  await story.step('4.0.0 is tampered with at the hub: refused before it runs', async () => {
    const directory = publish(stage, '4.0.0')
    await fleet.hub.cli(['release', 'add', directory])
    tamper(stage, '4.0.0')
    await order(stage, '4.0.0')
    await hubSays(stage, new RegExp(`HALTED: 1 failed.*${FIRST}: the hub has another file`))
    await untouched(stage, '2.0.0')
    const shown = await fleet.hub.cli(['explain', 'node', FIRST])
    expect(/Ordered +4\.0\.0: refused/.test(shown), 'the hub says what became of its order', shown)
    const page = await fleet.hub.cli(['audit'])
    for (const row of [/halt +agentupdate\/fleet/, /add +release\/4\.0\.0/])
      expect(row.test(page), `the audit log knows it: ${row.source}`, page)
  })
  await story.step('the mesh is whole', () => fleet.mesh())
}

export const scenario: Scenario = {
  name: 'roll-out',
  promise: 'the hub rolls out another agent in waves: a good one goes on to all, a bad one ends at the first device',
  shape: {
    topology,
    intent: [network, pingPolicy, ...gatewayNodes(topology)],
  },
  async play(fleet, story) {
    await story.step('the mesh is whole', () => fleet.mesh())
    const builds = await story.step('builds are made', createBuilds)
    try {
      await playOn({ fleet, story, builds })
    } finally {
      builds.remove()
    }
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
