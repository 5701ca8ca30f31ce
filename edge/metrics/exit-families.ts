// How this node goes out where an Exit selects it. Two families of addresses at most, so that labels are few.

import { type Family, gauge, type Sample } from '../../shared/metrics-text.ts'
import type { AgentStatus } from '../agent.ts'
import type { RouterState, RouterStatus } from '../routers/own-routers.ts'

/** What an exit leads to, as `status` names it. */
const FAMILIES: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0/0', '4'],
  ['::/0', '6'],
])
const STATES: readonly RouterState[] = ['used', 'ready', 'gone']

interface Led extends RouterStatus {
  readonly family: string
}

function usedSamples({ family, route, routers }: Led): readonly Sample[] {
  return routers.filter(({ state }) => state === 'used').map(({ name }) => [{ family, exit: route, node: name }, 1])
}

/** None where this node goes out by itself. */
export function exitFamilies({ health, routers = [] }: Pick<AgentStatus, 'health' | 'routers'>): readonly Family[] {
  const led = routers.flatMap((one): readonly Led[] => {
    const family = FAMILIES.get(one.destination)
    return family === undefined ? [] : [{ ...one, family }]
  })
  const holds = (code: string): number => Number(health.some((one) => one.code === code))
  const [isClosed, isOpen] = [holds('exit-closed'), holds('exit-open')]
  if (led.length === 0 && isClosed + isOpen === 0) return []
  return [
    gauge('holdfast_agent_exit_state', 'How the internet is gone to where an Exit says so: 1 for what holds.', [
      [{ state: 'led' }, 1 - Math.max(isClosed, isOpen)],
      [{ state: 'closed' }, isClosed],
      [{ state: 'open' }, isOpen],
    ]),
    gauge(
      'holdfast_agent_exit_nodes',
      'Nodes that may lead this one out, by family of addresses and how they stand.',
      led.flatMap(({ family, routers: all }) =>
        STATES.map((state): Sample => [{ family, state }, all.filter((one) => one.state === state).length]),
      ),
    ),
    gauge('holdfast_agent_exit_used', 'The node that leads this one out.', led.flatMap(usedSamples)),
  ]
}
