// Where a revision came from, as people are told.

import type { Name } from '../../shared/ids.ts'

/** Who brought a revision. */
export type IntentSource =
  | { readonly by: 'hub' }
  | { readonly by: 'peer'; readonly peer: Name }
  | { readonly by: 'file' }

/** Who brought the revision that is held, and when: milliseconds since the Unix epoch. */
export type Origin = IntentSource & { readonly at: number }

export function sourceText(from: IntentSource): string {
  return from.by === 'peer' ? `peer ${from.peer}` : from.by
}
