// A scenario: one promise, played on a fleet of its own. Every file in scenarios/ can be run by itself.

import { describeError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { whyNoLab } from '../testing/privilege.ts'
import { type Fleet, type FleetShape, startFleet } from './fleet.ts'
import { expectKernelWireguard, onlyKernelWireguard } from './only-kernel.ts'
import { createStory, durationText, failureText, type Story } from './story.ts'

export interface Scenario {
  readonly name: string
  /** What must be true, as a sentence. */
  readonly promise: string
  readonly shape: FleetShape
  /** It measures times, or loads the machine: nothing else runs beside it. */
  readonly alone?: true
  play(fleet: Fleet, story: Story): Promise<void>
}

/** What a test runner understands as "can't run here". */
const SKIPPED = 77

function describeShape({ broker, topology }: FleetShape): string {
  const count = topology.sites.reduce((sum, { hosts }) => sum + hosts.length, 0)
  const sites = topology.sites.map(({ hosts, name, nat }) => `${name} (${nat} NAT, ${hosts.length})`).join(', ')
  return `a hub${broker === undefined ? '' : ' on Mosquitto'} and ${count} devices: ${sites}`
}

/** Plays it and tells it; returns the exit code. */
export async function runScenario(scenario: Scenario): Promise<number> {
  const write = (text: string): void => void process.stdout.write(text)
  const reason = whyNoLab()
  if (reason !== undefined) {
    write(`skip: ${reason}\n`)
    return SKIPPED
  }
  write(`${scenario.name}: ${scenario.promise}\n`)
  const startedAt = systemClock.monotonic()
  const story = createStory(write)
  let fleet: Fleet | undefined
  const interrupted = (): void => {
    void (fleet?.remove() ?? Promise.resolve()).finally(() => process.exit(130))
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted)
  try {
    fleet = await story.step(describeShape(scenario.shape), () => startFleet(scenario.shape))
    if (onlyKernelWireguard) {
      const { nodes } = fleet
      await story.step('WireGuard is the kernel’s on every device', () => expectKernelWireguard(nodes))
    }
    await scenario.play(fleet, story)
    write(`ok       ${scenario.name}, ${durationText(systemClock.monotonic() - startedAt)}\n`)
    return 0
  } catch (error) {
    write(fleet === undefined ? `          ${describeError(error)}\n` : failureText(error, fleet.net.hosts()))
    write(`FAILED   ${scenario.name}, ${durationText(systemClock.monotonic() - startedAt)}\n`)
    return 1
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, interrupted)
    await fleet?.remove()
  }
}
