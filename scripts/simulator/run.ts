// One run of the simulator: a hub and some agents in one process, so many steps of bad luck, then fine weather. Every check
// must hold all along. The same seed gives the same run, to the byte: `trace` proves it.

import { createHash } from 'node:crypto'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import { formatVersion } from '../../shared/record/head.ts'
import { calm } from './broker.ts'
import { calmUntil, type Spell, sitsOut } from './calm.ts'
import { strike, type World } from './chaos.ts'
import { lagging, uninformed, unsettled } from './goals.ts'
import { lastIntent, networkIntent, withoutCanary } from './intent.ts'
import type { Sabotage } from './sabotage.ts'
import { addIntruder, theftBreaches } from './theft.ts'
import { type BuiltWorld, buildWorld } from './world.ts'

/** Simulated time between two events, at most. */
const STEP_MS_MAX = 20_000
/** Simulated time to settle at the end: longer than the longest back-off and the slowest repair. */
const SETTLE_MS = 20 * 60_000

/** And to prove a revision: after some in a row that failed, a newer one waits up to half an hour. */
const PROVE_MS = 45 * 60_000

export interface Run {
  readonly seed: number
  readonly steps: number
  readonly nodes: number
  /** Hears what happens, step by step. */
  readonly say?: (words: string) => void
  /** A fault to build into every agent: what the checks are there to find. */
  readonly sabotage?: Sabotage
}

export interface Ran {
  /** A sentence for each check that did not hold. */
  readonly breaches: readonly string[]
  /** SHA-256 of every event, every word and every operation on every kernel, in their order. */
  readonly trace: string
}

/** Longer than the longest pause between two tries with a peer, and a beat. */
const GOSSIP_MS = 15 * 60_000

/** Nothing here waits for the outside: when no promise is left to run, all is done that follows from a timer. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}

/** The machines work again and the tunnels between them; the hub is gone. */
function healMesh({ broker, cuts, hub, mesh, nodes }: World): void {
  broker.setDown(true)
  hub.crash()
  cuts.clear()
  mesh.weather = { loss: 0, twice: 0, garble: 0, delayMsMax: 20 }
  for (const node of nodes) {
    node.disk.full = false
    node.disk.tear = undefined
    node.kernel.dieAfterOps = Number.POSITIVE_INFINITY
    node.kernel.failOps = 0
    node.skew(0)
    node.outside.answers = true
    node.start()
  }
}

function heal({ broker, hub, nodes }: World): void {
  broker.weather = calm
  broker.setDown(false)
  hub.start()
  for (const node of nodes) broker.cut(node.device.nodeId, false)
}

async function suffer(world: BuiltWorld, clock: FakeClock, steps: number, say: (words: string) => void): Promise<void> {
  for (const node of world.nodes) node.start()
  await clock.advanceAsync(60_000)
  for (let step = 1; step <= steps && world.checks.breaches.length === 0; step++) {
    say(`${String(step).padStart(4)}  ${strike(world)}`)
    await clock.advanceAsync(world.entropy.fraction() * STEP_MS_MAX)
    world.checks.afterStep(world.nodes, world.broker.inFlight())
  }
}

async function recover(world: BuiltWorld, spell: Omit<Spell, 'look'>): Promise<void> {
  const { broker, checks, hub, nodes } = world
  const isFine = (): boolean => checks.breaches.length === 0
  const look = (): boolean => {
    checks.afterStep(nodes, broker.inFlight())
    return isFine()
  }
  const until = (isDone: () => boolean, maxMs: number): Promise<void> => calmUntil(isDone, maxMs, { ...spell, look })
  const isLevel = (): boolean => lagging(nodes, world).length === 0
  const isTold = (): boolean => uninformed(nodes, hub).length === 0
  healMesh(world)
  await until(isLevel, GOSSIP_MS)
  for (const node of nodes) node.start()
  await until(isLevel, GOSSIP_MS)
  if (isFine()) checks.gossiped(nodes)
  heal(world)
  await until(isTold, SETTLE_MS)
  // A message lost in calm weather was lost before: a fresh connection shows every node the newest head.
  for (const node of nodes) broker.drop(node.device.nodeId)
  await until(isTold, SETTLE_MS)
  // A disk that broke the agent's last write may have taken it down once more.
  for (const node of nodes) node.start()
  await until(isTold, SETTLE_MS)
  // A sound revision is tried, whatever came of those before it.
  hub.change(withoutCanary)
  hub.change({ verb: 'put', resource: networkIntent() })
  hub.change({ verb: 'put', resource: lastIntent() })
  await until(() => unsettled(nodes, hub).length === 0, PROVE_MS)
  if (isFine()) await checks.converged(nodes, hub)
}

/** The checks of what runs go by what the hub signed, whatever it was; so here only what concerns the intruder counts. */
async function steal({ hub, intruder, nodes }: BuiltWorld, spell: Omit<Spell, 'look'>): Promise<readonly string[]> {
  // Who was removed hears nothing any more.
  const members = hub.members()
  const there = nodes.filter(({ device }) => members.has(device.name))
  hub.forgetLock()
  await spell.clock.advanceAsync(1_000)
  await addIntruder(hub.running(), intruder)
  const found = (): readonly string[] => theftBreaches(there, intruder)
  await calmUntil(() => found().length === 0, SETTLE_MS, { ...spell, look: () => true })
  return found()
}

export async function simulate({ nodes, say, seed, sabotage, steps }: Run): Promise<Ran> {
  const clock = new FakeClock(undefined, settled)
  const trace = createHash('sha256')
  const note = (words: string): void => void trace.update(`${clock.monotonic()} ${words}\n`)
  const tell = (words: string): void => {
    note(words)
    say?.(words)
  }
  // Half of all runs are under a membership lock.
  const locked = seed % 2 === 0
  const world = await buildWorld({ clock, entropy: seededEntropy(seed), nodes, say: tell, note, sabotage, locked })
  try {
    await suffer(world, clock, steps, tell)
    const spell = { clock, patient: sitsOut(seed) }
    if (world.checks.breaches.length === 0) await recover(world, spell)
    const stolen = locked && world.checks.breaches.length === 0 ? await steal(world, spell) : undefined
    tell(`ends at revision ${formatVersion(world.hub.newest())}`)
    return { breaches: stolen ?? [...world.checks.breaches], trace: trace.digest('hex') }
  } finally {
    world.close()
  }
}
