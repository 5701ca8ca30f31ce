// What this agent publishes: followed with each turn, since interfaces and programs come and go without intent. Who listens is
// looked at only while something is to be published, and not more often than it matters; until it was, nobody's port is touched.

import { compareText } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { Running } from '../trust/compose.ts'
import type { ServiceDoors } from './doors.ts'
import { type Listening, nothingPublished, type PortRef, type Publishing, publishing } from './publish.ts'

export interface OwnPublishing {
  /** The very same object where nothing has changed. */
  follow(held: Running, local: readonly LocalAddress[]): Publishing
  now(): Publishing
}

export interface PublishingAround {
  readonly self: NodeId
  readonly clock: Pick<Clock, 'monotonic'>
  /** Absent: nobody can tell who listens, and nothing is published. */
  readonly listening: ServiceDoors['listening']
  /** Ports that the agent itself has, whoever can see them. */
  readonly reserved: readonly Listening[]
  readonly onChange: () => void
}

/** Between two looks at who listens; a program that begins to gets its port back within this, and a turn. */
const LOOK_EVERY_MS = 5_000

function keyOf({ port, protocol }: PortRef): string {
  return `${protocol} ${port}`
}

export function createOwnPublishing({ clock, listening, onChange, reserved, self }: PublishingAround): OwnPublishing {
  let now = nothingPublished
  let heard: { readonly of: string; readonly who: readonly Listening[] } | undefined
  let asking: string | undefined
  let lookAt = Number.NEGATIVE_INFINITY

  const ask = async (of: string, wanted: readonly PortRef[]): Promise<void> => {
    asking = of
    lookAt = clock.monotonic() + LOOK_EVERY_MS
    try {
      const who = (await listening?.(wanted)) ?? []
      const isSame = heard?.of === of && JSON.stringify(heard.who) === JSON.stringify(who)
      heard = { of, who }
      if (!isSame) onChange()
    } finally {
      asking = undefined
    }
  }

  const follow = ({ parsed: { records } }: Running, local: readonly LocalAddress[]): Publishing => {
    const me = records.nodes.find(({ nodeId }) => nodeId === self)
    const isAny = records.services.some(({ spec }) => spec.publish !== undefined)
    if (me === undefined || !isAny || listening === undefined) return nothingPublished
    let isKnown = true
    const known = (wanted: readonly PortRef[]): readonly Listening[] => {
      const of = [...new Set(wanted.map(keyOf))].sort(compareText).join()
      isKnown = of === '' || of === heard?.of
      if (of !== '' && asking === undefined && (!isKnown || clock.monotonic() >= lookAt)) void ask(of, wanted)
      return [...reserved, ...(heard?.who ?? [])]
    }
    const next = publishing({ services: records.services, self: me, local, listening: known })
    return isKnown ? next : now
  }

  return {
    follow(held, local) {
      const next = follow(held, local)
      if (next !== now && JSON.stringify(next) !== JSON.stringify(now)) now = next
      return now
    },
    now: () => now,
  }
}
