// What is asked again of the hub, of the nodes that events name or of all, and not twice at once.

import { rosterNamesMax } from '../../shared/dashboard-limits.ts'
import type { Clock, Timer } from '../../shared/effects.ts'
import type { HubStatus } from '../api/answers.ts'
import type { Roster } from '../fleet/roster.ts'
import type { Http } from './browser/http.ts'
import { mergeRoster } from './model/merge.ts'
import { link, now, roster, status } from './store.ts'

/** Events of a fleet come in bursts: what they name is looked at together. */
const TOGETHER_MS = 300
/** Figures such as round trips change without events. */
export const lookMs = 20_000

export interface Look {
  /** All of it, now. Throws where the hub does not say. */
  whole(): Promise<void>
  /** These soon, with others that are named meanwhile. */
  node(name: string): void
  hub(): void
  tick(isHidden: boolean): void
  /** The hub's clock as far as it is known, milliseconds since the Unix epoch. */
  hubNow(): number
}

type TimedRoster = Roster & { readonly at: number }

interface Asked {
  /** Undefined: all nodes. */
  readonly part: ReadonlySet<string> | undefined
  readonly hub: boolean
}

export function createLook(http: Http, clock: Clock, isOn: () => boolean): Look {
  const names = new Set<string>()
  let all = false
  let ofHub = false
  let waiting: Timer | undefined
  let skewMs = 0
  let lookedAt = 0

  const take = ({ at, ...fresh }: TimedRoster, part: ReadonlySet<string> | undefined): void => {
    skewMs = at - clock.now()
    now.value = at
    roster.value = part === undefined ? fresh : mergeRoster(roster.value, fresh, part)
  }

  const ask = async ({ hub, part }: Asked): Promise<void> => {
    const query = part === undefined ? '' : `?names=${[...part].map(encodeURIComponent).join(',')}`
    const [lines, said] = await Promise.all([
      part === undefined || part.size > 0 ? http.get<TimedRoster>(`/api/v1/roster${query}`) : undefined,
      hub ? http.get<HubStatus>('/api/v1/status') : undefined,
    ])
    if (!isOn()) return
    if (lines !== undefined) take(lines, part)
    if (said !== undefined) status.value = said
    if (part === undefined) lookedAt = clock.monotonic()
  }

  const flush = async (): Promise<void> => {
    waiting = undefined
    const part = new Set(names)
    const isWhole = all || part.size > rosterNamesMax || roster.value === undefined
    const hub = ofHub || isWhole
    names.clear()
    all = false
    ofHub = false
    await ask({ part: isWhole ? undefined : part, hub })
  }

  const soon = (): void => {
    // The stream tells of a hub that is gone; once it is back everything is listed again.
    waiting ??= clock.after(TOGETHER_MS, () => void flush().catch(() => undefined))
  }

  return {
    whole() {
      all = true
      waiting?.cancel()
      return flush()
    },
    node(name) {
      names.add(name)
      ofHub = true
      soon()
    },
    hub() {
      ofHub = true
      soon()
    },
    tick(isHidden) {
      now.value = clock.now() + skewMs
      if (isHidden || link.value.state !== 'live') return
      // Somebody has rolled out to some first, and waits for what comes of it.
      if (status.value?.networks.some(({ canaries }) => canaries.length > 0) === true) {
        ofHub = true
        soon()
      }
      if (clock.monotonic() - lookedAt < lookMs) return
      lookedAt = clock.monotonic()
      all = true
      soon()
    },
    hubNow: () => clock.now() + skewMs,
  }
}
