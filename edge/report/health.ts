// What is wrong now, by code: begins, becomes visible once it has lasted, ends. One condition a code, so it is bounded.

import type { Clock } from '../../shared/effects.ts'
import type { Condition, HealthCode } from '../../shared/health.ts'

export interface HealthOptions {
  readonly clock: Clock
}

export interface RaiseOptions {
  /** Hidden until it has lasted so long: a link that flaps for a moment is no news. */
  readonly afterMs?: number
  /** Ends by itself so long after it was last raised. */
  readonly forMs?: number
}

export interface Health {
  raise(code: HealthCode, detail?: string, options?: RaiseOptions): void
  clear(code: HealthCode): void
  /** True while it holds, visible or not. */
  has(code: HealthCode): boolean
  /** What people are shown, in order of code. */
  visible(): readonly Condition[]
  /** Rises whenever `visible` changes; call it each turn, because time alone changes what is visible. */
  revision(): number
}

interface Entry {
  readonly code: HealthCode
  readonly since: number
  detail: string | undefined
  readonly visibleAt: number
  endsAt: number
  shown: boolean
}

const DETAIL_MAX = 500

export function createHealth({ clock }: HealthOptions): Health {
  const entries = new Map<HealthCode, Entry>()
  let revision = 0
  let shown: readonly Condition[] = []
  let stale = false

  const refresh = (): void => {
    const now = clock.monotonic()
    for (const entry of entries.values()) {
      if (entry.endsAt <= now) {
        entries.delete(entry.code)
        stale ||= entry.shown
      } else if (!entry.shown && entry.visibleAt <= now) {
        entry.shown = true
        stale = true
      }
    }
    if (!stale) return
    stale = false
    revision += 1
    shown = [...entries.values()]
      .filter((entry) => entry.shown)
      .sort((a, b) => (a.code < b.code ? -1 : 1))
      .map(({ code, since, detail }) => (detail === undefined ? { code, since } : { code, since, detail }))
  }

  return {
    raise(code, detail, { afterMs = 0, forMs = Number.POSITIVE_INFINITY } = {}) {
      const now = clock.monotonic()
      const short = detail?.slice(0, DETAIL_MAX)
      const held = entries.get(code)
      if (held === undefined || held.endsAt <= now) {
        const began = { code, since: clock.now(), detail: short, visibleAt: now + afterMs }
        entries.set(code, { ...began, endsAt: now + forMs, shown: false })
        return
      }
      held.endsAt = now + forMs
      if (held.detail === short) return
      held.detail = short
      stale ||= held.shown
    },
    clear(code) {
      const held = entries.get(code)
      if (held === undefined) return
      entries.delete(code)
      stale ||= held.shown
    },
    has: (code) => entries.has(code),
    visible() {
      refresh()
      return shown
    },
    revision() {
      refresh()
      return revision
    },
  }
}
