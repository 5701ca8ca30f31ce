// What the record of flows costs a device whose services are asked by a thousand new clients a second, and how much of that is on
// record: the agent's processor time with the record and without it, by either way of enforcing policy.

import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { HoldfastError } from '../../shared/errors.ts'
import type { Bench, BenchContext, Figures } from './bench.ts'
import { craftFleet } from './crafted-fleet.ts'
import { agentIn, cpuMsWithChildrenOf } from './process-cost.ts'
import { layWire } from './site.ts'

const launcher = resolve(import.meta.dirname, '../../build/out/holdfast')
const load = resolve(import.meta.dirname, 'flows-load.ts')
const PER_S = 1_000
/** As long as there are pairs of ports. */
const SECONDS = 60
const SETTLE_MS = 15_000
/** A machine that can't carry the load says nothing about the record of it. */
const ANSWERED_MIN = 0.95

interface Asked {
  readonly driver: 'auto' | 'nft'
  readonly flows: 'on' | 'off'
}

interface Seen {
  readonly cpuPercent: number
  readonly sent: number
  readonly recorded: number
  readonly lost: number
}

interface OnRecord {
  readonly items: readonly {
    readonly protocol: number
    readonly sent: { readonly packets: number }
    readonly back: { readonly packets: number }
  }[]
  readonly lostBefore: readonly { readonly amount?: { readonly packets: number } }[]
}

const UDP = 17

/** Asks the agent, which looks at the kernel first. */
async function recordOf(stateDir: string): Promise<Pick<Seen, 'recorded' | 'lost'>> {
  const words = ['flows', '--json', '--limit', '5000', '--state', stateDir]
  const { stdout } = await promisify(execFile)(launcher, words, { maxBuffer: 1 << 28 })
  const { items, lostBefore } = JSON.parse(stdout) as OnRecord
  const ours = items.filter(({ protocol }) => protocol === UDP)
  return {
    recorded: ours.reduce((sum, { back, sent }) => sum + sent.packets + back.packets, 0),
    lost: lostBefore.reduce((sum, { amount }) => sum + (amount?.packets ?? 0), 0),
  }
}

/** The first line of what it says. */
async function heard({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new HoldfastError('failed', 'nobody listens to it')
  const [said] = (await once(stdout, 'data')) as [Buffer]
  return said.toString().trim()
}

async function watch({ driver, flows }: Asked): Promise<Seen> {
  const root = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const wire = layWire('flows')
  try {
    const [here, there] = wire.hosts
    const [own, peer] = craftFleet(root, [`${here.address}:51820`, `${there.address}:51820`])
    if (own === undefined || peer === undefined) throw new HoldfastError('failed', 'no fleet')
    const words = (stateDir: string): readonly string[] => [launcher, 'agent', '--state', stateDir]
    here.spawn([...words(own.stateDir), '--policy-driver', driver, '--flows', flows])
    there.spawn([...words(peer.stateDir), '--flows', 'off'])
    await sleep(SETTLE_MS)
    const answering = here.listen([process.execPath, load, 'answer', own.meshAddress])
    await heard(answering)
    const pid = agentIn(here)
    const before = cpuMsWithChildrenOf(pid)
    const asking = there.listen([process.execPath, load, 'ask', own.meshAddress, String(PER_S), String(SECONDS)])
    const [sent = 0, answered = 0] = (await heard(asking)).split(' ').map(Number)
    if (answered < sent * ANSWERED_MIN) throw new HoldfastError('failed', `only ${answered} of ${sent} were answered`)
    const cpuMs = cpuMsWithChildrenOf(pid) - before
    const seen = flows === 'on' ? await recordOf(own.stateDir) : { recorded: 0, lost: 0 }
    return { cpuPercent: cpuMs / (10 * SECONDS), sent: sent + answered, ...seen }
  } finally {
    await wire.remove()
    rmSync(root, { recursive: true, force: true })
  }
}

/** With the record and without it, by the same way of enforcing: looking after nft's rules costs an agent something, too. */
async function measure({ say }: BenchContext): Promise<Figures> {
  const figures: Record<string, number> = {}
  for (const [driver, suffix, name] of [
    ['auto', '', 'programs in the kernel'],
    ['nft', 'Nft', 'nft'],
  ] as const) {
    const none = await watch({ driver, flows: 'off' })
    say(`${name}, without a record`)
    const { cpuPercent, lost, recorded, sent } = await watch({ driver, flows: 'on' })
    say(`${name}, with one`)
    figures[`cpuPercentOff${suffix}`] = none.cpuPercent
    figures[`ledgerCpuPercent${suffix}`] = cpuPercent - none.cpuPercent
    figures[`recordedRatio${suffix}`] = recorded / sent
    figures[`toldRatio${suffix}`] = (recorded + lost) / sent
  }
  return figures
}

export const flows: Bench = {
  about: `the record of flows while ${PER_S} new ones a second pass: what it costs, and what is on it`,
  runs: 1,
  budgets: { ledgerCpuPercent: '≤ 1', ledgerCpuPercentNft: '≤ 1', toldRatio: '≥ 1', toldRatioNft: '≥ 1' },
  measure,
}
