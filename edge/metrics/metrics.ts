// The text of this node's metrics. Made anew at most once a second, because a look at a relay's sessions asks the kernel, and
// whoever may look may look as often as they like.

import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { ProcessCost } from '../../shared/host/process.ts'
import { type Family, formatMetrics } from '../../shared/metrics-text.ts'
import type { Agent } from '../agent.ts'
import { agentFamilies } from './agent-families.ts'
import { exitFamilies } from './exit-families.ts'
import { flowFamilies } from './flow-families.ts'
import { ledFamilies } from './led-families.ts'
import { peerFamilies } from './peer-families.ts'
import { relayFamilies } from './relay-families.ts'

export interface MetricsOptions {
  readonly agent: Pick<Agent, 'status' | 'paths' | 'figures' | 'flows'>
  readonly cost: () => ProcessCost
  readonly clock: Clock
  readonly log: Log
}

const FRESH_MS = 1_000

export function createMetrics({ agent, clock, cost, log }: MetricsOptions): () => Promise<string> {
  let madeAt = Number.NEGATIVE_INFINITY
  let made: Promise<string> | undefined

  /** A kernel that does not answer for one thing must not hide how the rest is. */
  const asked = async (what: string, ask: () => Promise<readonly Family[]>): Promise<readonly Family[]> => {
    try {
      return await ask()
    } catch (error) {
      log.debug(`figures of ${what} were not to be had`, { reason: describeError(error) })
      return []
    }
  }
  const ofRelay = (): Promise<readonly Family[]> =>
    asked('the relay', async () => {
      const figures = await agent.figures.relay()
      return figures === undefined ? [] : relayFamilies(figures)
    })
  const ofLed = (): Promise<readonly Family[]> =>
    asked('whom this node leads out', async () => ledFamilies(await agent.figures.ledOut()))

  const make = async (): Promise<string> => {
    const status = agent.status()
    const families = [...agentFamilies(status, cost()), ...exitFamilies(status), ...peerFamilies(status, agent.paths())]
    const flows = agent.flows.figures()
    const ofFlows = flows === undefined ? [] : flowFamilies(flows)
    return formatMetrics([...families, ...ofFlows, ...(await ofLed()), ...(await ofRelay())])
  }

  return () => {
    const now = clock.monotonic()
    if (made === undefined || now - madeAt >= FRESH_MS) {
      madeAt = now
      const making = make()
      made = making
      making.catch(() => {
        if (made === making) made = undefined
      })
    }
    return made
  }
}
