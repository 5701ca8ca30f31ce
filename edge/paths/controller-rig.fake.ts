// One controller, told what happens, with a peer that answers where and as late as it is told to.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { createPeerPaths } from './controller.ts'
import type { CandidateView, PathAction, PathCandidate, PathEvent } from './path.ts'

export const LAN: PathCandidate = { kind: 'lan', source: 'lan', endpoint: '10.0.0.2:51820' as Endpoint }
export const PUBLIC: PathCandidate = { kind: 'direct', source: 'public', endpoint: '192.0.2.2:51820' as Endpoint }
export const MAPPED: PathCandidate = { kind: 'direct', source: 'mapped', endpoint: '192.0.2.9:4711' as Endpoint }
export const RELAY: PathCandidate = { kind: 'relay', source: 'relay', endpoint: '198.51.100.1:7001' as Endpoint }
export const RELAY2: PathCandidate = { kind: 'relay', source: 'relay', endpoint: '198.51.100.2:7002' as Endpoint }
export const STRANGE = '203.0.113.5:1234' as Endpoint

export type Probe = Extract<PathAction, { type: 'probe' }>

/** A controller with a peer that answers after `rtt` milliseconds where it is said to. */
export function makeRig(options: { decides?: boolean; metered?: boolean } = {}) {
  const { decides = true, metered = false } = options
  const paths = createPeerPaths({ decides, metered, pace: 'fast', random: () => 0, startedAt: 0 })
  const answers = new Map<Endpoint, number>()
  const log: { readonly at: number; readonly action: PathAction }[] = []
  const due: { readonly at: number; readonly event: PathEvent }[] = []
  let now = 0

  const tell = (event: PathEvent): readonly PathAction[] => {
    const actions = paths.handle(event, now)
    for (const action of actions) {
      log.push({ at: now, action })
      if (action.type !== 'probe' || action.ttl !== undefined) continue
      const { endpoint, probe } = action
      const rttMs = answers.get(endpoint)
      if (rttMs !== undefined) due.push({ at: now + rttMs, event: { type: 'answered', endpoint, probe, rttMs } })
    }
    return actions
  }
  /** Lets time pass; what is silenced meanwhile stays unanswered, even if it was asked before. */
  const run = (forMs: number): void => {
    const end = now + forMs
    for (;;) {
      due.sort((a, b) => a.at - b.at)
      const next = Math.min(due[0]?.at ?? Number.POSITIVE_INFINITY, paths.dueAt())
      if (next > end) break
      now = Math.max(now, next)
      const event = (due[0]?.at ?? Number.POSITIVE_INFINITY) <= now ? due.shift()?.event : undefined
      if (event?.type === 'answered' && !answers.has(event.endpoint)) continue
      tell(event ?? { type: 'time' })
    }
    now = end
  }
  const of = (endpoint: Endpoint): CandidateView | undefined =>
    paths.view(now).candidates.find((one) => one.endpoint === endpoint)
  return {
    answers,
    log,
    paths,
    run,
    tell,
    of,
    now: () => now,
    jump: (ms: number) => {
      now += ms
    },
    since: <T extends PathAction['type']>(at: number, type: T) =>
      log.flatMap((one) =>
        one.at >= at && one.action.type === type
          ? [{ at: one.at, ...(one.action as Extract<PathAction, { type: T }>) }]
          : [],
      ),
    connect(list: readonly PathCandidate[], working: Readonly<Record<string, number>>) {
      for (const [endpoint, rttMs] of Object.entries(working)) answers.set(endpoint as Endpoint, rttMs)
      tell({ type: 'traffic' })
      tell({ type: 'candidates', list })
      run(2_000)
    },
  }
}
