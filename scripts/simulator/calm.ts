// Fine weather: time passes until nobody lacks anything and that has lasted, or until there was time enough for the slowest
// repair.
//
// One run in four sits the whole time out, because what comes of nothing but a long silence shows only there.

import type { FakeClock } from '../../shared/effects.fake.ts'

/** Between two looks. */
const LOOK_MS = 30_000
/** So long nobody lacks anything: longer than a revision is watched, than gossip's beat and than a link takes to come back. */
const QUIET_MS = 120_000

/** As well under a membership lock, which every other seed is, as without. */
export function sitsOut(seed: number): boolean {
  return Math.floor(seed / 2) % 4 === 0
}

export interface Spell {
  readonly clock: FakeClock
  /** Time passes even though nobody lacks anything. */
  readonly patient: boolean
  /** At each look; false where there is no use in waiting. */
  readonly look: () => boolean
}

/** Lets at most `maxMs` pass. */
export async function calmUntil(isDone: () => boolean, maxMs: number, { clock, look, patient }: Spell): Promise<void> {
  const endsAt = clock.monotonic() + maxMs
  let quietMs = 0
  while (clock.monotonic() < endsAt) {
    const passMs = Math.min(LOOK_MS, endsAt - clock.monotonic())
    await clock.advanceAsync(passMs)
    if (!look()) return
    quietMs = isDone() ? quietMs + passMs : 0
    if (!patient && quietMs >= QUIET_MS) return
  }
}
