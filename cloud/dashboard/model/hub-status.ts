// What the hub says of itself, in parts and sentences.

import type { CanaryState, RollOut } from '../../hub.ts'

export interface RolloutPart {
  readonly key: 'acknowledged' | 'pending' | 'waiting' | 'quarantined' | 'offline'
  readonly title: string
  readonly count: number
  /** Some of them, by name. */
  readonly names: readonly string[]
}

/** Who runs the newest revision, and who does not and why; together they are all nodes. */
export function rolloutParts({ acknowledged, offline, pending, takenBack, waiting }: RollOut): readonly RolloutPart[] {
  return [
    { key: 'acknowledged', title: 'Acknowledged', count: acknowledged, names: [] },
    { key: 'pending', title: 'Pending', count: pending.length, names: pending },
    { key: 'waiting', title: 'Waiting for the canary', count: waiting.length, names: waiting },
    { key: 'quarantined', title: 'Quarantined', count: takenBack.length, names: takenBack.map(({ name }) => name) },
    { key: 'offline', title: 'Offline', count: offline.length, names: offline },
  ]
}

export function canaryText({ finishInS, firstTotal, name, proven, state }: CanaryState, waiting: number): string {
  const share = `proven on ${proven} of ${firstTotal}`
  if (state === 'stopped') return `Canary ${name} stopped: one node took it back. ${waiting} nodes wait.`
  if (state === 'watching') return `Canary ${name}: ${share}. ${waiting} nodes wait.`
  return finishInS === undefined
    ? `Canary ${name}: ${share}. ${waiting} nodes wait until it is finished by hand.`
    : `Canary ${name}: ${share}. ${waiting} nodes follow in ${finishInS} s.`
}
