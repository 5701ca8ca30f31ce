// Failover: the direct path between two devices behind NATs is cut in silence, twenty times, under a ping every 10 ms; the
// relay takes over, the path heals, and traffic goes back.
//
// After a path failed it is not gone back to for half a minute, then a minute, up to ten: a new address at an interface ends
// that, as a plugged cable does, so that twenty cuts don't take hours.

import { systemClock } from '../../shared/host/clock.ts'
import { type Fleet, startFleet } from '../laboratory/fleet.ts'
import type { LabNode } from '../laboratory/node.ts'
import { watchPing } from '../laboratory/ping.ts'
import { relayedSites } from '../laboratory/shapes.ts'
import { reaches, standsBy } from '../laboratory/ways.ts'
import { type Bench, type Figures, median, quantile } from './bench.ts'

const CUTS = 20
const PING_MS = 10

/** A link changes: what was held against a path is forgotten. */
async function touchLink({ host }: LabNode, round: number): Promise<void> {
  const address = `192.0.2.${round + 1}/32`
  await host.ip([`address add ${address} dev eth0`])
}

interface Cut {
  readonly gapMs: number
  readonly returnLost: number
  /** From the healed path until both ends go by it again. */
  readonly returnMs: number
}

async function cutOnce(fleet: Fleet, one: LabNode, two: LabNode, round: number): Promise<Cut> {
  const address = await two.address()
  await Promise.all([standsBy(one, two.name), standsBy(two, one.name)])
  const cut = watchPing(one.host, address, PING_MS)
  await fleet.net.sever('alpha', 'beta', true)
  await Promise.all([reaches(one, two.name, 'relay'), reaches(two, one.name, 'relay')])
  const { gapMs } = await cut.stop()
  const back = watchPing(one.host, address, PING_MS)
  await fleet.net.sever('alpha', 'beta', false)
  const healedAt = systemClock.monotonic()
  await Promise.all([touchLink(one, round), touchLink(two, round)])
  await Promise.all([reaches(one, two.name, 'direct'), reaches(two, one.name, 'direct')])
  const returnMs = systemClock.monotonic() - healedAt
  const { lost } = await back.stop()
  return { gapMs, returnLost: lost, returnMs }
}

/** From two agents that have just started, with nothing remembered, until both go by a direct path. */
async function meet(one: LabNode, two: LabNode): Promise<number> {
  const startedAt = systemClock.monotonic()
  const talk = watchPing(one.host, await two.address(), 100)
  await Promise.all([reaches(one, two.name, 'direct'), reaches(two, one.name, 'direct')])
  const elapsedMs = systemClock.monotonic() - startedAt
  await talk.stop()
  return elapsedMs
}

async function measure(say: (words: string) => void): Promise<Figures> {
  const fleet = await startFleet(relayedSites)
  try {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('beta-1')]
    const meetMs = await meet(one, two)
    say(`direct for the first time after ${meetMs.toFixed(0)} ms`)
    await fleet.mesh()
    // Payload keeps both relays bound between the cuts.
    const steady = watchPing(two.host, await one.address(), 500)
    const cuts: Cut[] = []
    for (let round = 0; round < CUTS; round++) {
      cuts.push(await cutOnce(fleet, one, two, round))
      say(`cut ${round + 1} of ${CUTS}: ${cuts.at(-1)?.gapMs} ms without an answer`)
    }
    await steady.stop()
    const gaps = cuts.map(({ gapMs }) => gapMs)
    return {
      meetMs,
      gapMsMedian: median(gaps),
      gapMsP95: quantile(gaps, 0.95),
      gapMsMax: Math.max(...gaps),
      returnLost: cuts.reduce((sum, { returnLost }) => sum + returnLost, 0),
      returnMs: median(cuts.map(({ returnMs }) => returnMs)),
    }
  } finally {
    await fleet.remove()
  }
}

export const failover: Bench = {
  about: 'the direct path cut in silence under a ping every 10 ms, until the relay carries it; 20 cuts',
  runs: 1,
  budgets: { meetMs: '≤ 5000', gapMsMedian: '≤ 400', gapMsP95: '≤ 700', returnLost: '0' },
  measure: ({ say }) => measure(say),
}
