// Sessions of people: opened by a token or by a provider of identities, known by a random word in a cookie, ended by time, by
// their owner, or with whatever opened them.

import { toBase64Url, toHex, utf8 } from '../../shared/bytes.ts'
import { sessionIdleMsMax, sessionLifeMsMax, sessionsMax, sessionsPerHolderMax } from '../../shared/dashboard-limits.ts'
import type { Clock, Entropy } from '../../shared/effects.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import type { SessionRow, SessionStore } from './session-store.ts'

/** Who opens one, and until when at most. */
export interface SessionHolder extends Pick<SessionRow, 'holder' | 'grant' | 'name' | 'actor' | 'role'> {
  /** Of what opened it; absent where that has no end. */
  readonly endsAt?: number | undefined
}

export interface Session extends SessionRow {
  /** For the audit log; opens nothing. */
  readonly id: string
  /** What a page sends along with each write: no other page can read it. */
  readonly csrf: string
}

export interface Sessions {
  /** Always a new word: one that was there before the sign-in is worth nothing after it. */
  open(holder: SessionHolder): { readonly word: string; readonly session: Session }
  /** Whose word it is; undefined where nobody's, or no longer. `touch`: somebody uses it now. */
  find(word: string, touch: boolean): Session | undefined
  close(word: string): boolean
  count(): number
}

export interface SessionsOptions {
  readonly store: SessionStore
  readonly clock: Clock
  readonly entropy: Entropy
  /** What a holder is worth now; undefined where it is nobody any more. */
  readonly grantOf: (row: SessionRow) => string | undefined
}

const WORD = /^[A-Za-z0-9_-]{43}$/
/** A session in use is written down so seldom; after a crash it may look unused for as much longer. */
const SAVE_EVERY_MS = 5 * 60_000

function hashOf(word: string): string {
  return toHex(sha256(utf8(`holdfast-session\0${word}`)))
}

/** Follows from the word alone, so that nothing of it need be kept. */
function csrfOf(word: string): string {
  return toBase64Url(sha256(utf8(`holdfast-csrf\0${word}`)))
}

export function createSessions({ clock, entropy, grantOf, store }: SessionsOptions): Sessions {
  const held = new Map<string, SessionRow>()
  const saved = new Map<string, number>()

  const drop = (hash: string): boolean => {
    saved.delete(hash)
    store.delete(hash)
    return held.delete(hash)
  }
  const keep = (row: SessionRow): void => {
    store.put(row)
    saved.set(row.hash, row.usedAt)
  }
  const isOver = (row: SessionRow): boolean => {
    const now = clock.now()
    return now >= row.expiresAt || now - row.usedAt >= sessionIdleMsMax || grantOf(row) !== row.grant
  }
  const sweep = (): void => {
    for (const row of held.values()) if (isOver(row)) drop(row.hash)
  }
  /** Those used longest ago, of so many that `max` remain. */
  const thin = (rows: readonly SessionRow[], max: number): void => {
    const eldest = [...rows].sort((a, b) => a.usedAt - b.usedAt)
    for (const { hash } of eldest.slice(0, Math.max(0, rows.length - max))) drop(hash)
  }
  const shown = (row: SessionRow, word: string): Session => ({ ...row, id: row.hash.slice(0, 12), csrf: csrfOf(word) })

  for (const row of store.all()) {
    held.set(row.hash, row)
    saved.set(row.hash, row.usedAt)
  }
  sweep()

  return {
    open({ endsAt = Number.POSITIVE_INFINITY, ...holder }) {
      sweep()
      thin(
        [...held.values()].filter((row) => row.holder === holder.holder),
        sessionsPerHolderMax - 1,
      )
      thin([...held.values()], sessionsMax - 1)
      const word = toBase64Url(entropy.bytes(32))
      const now = clock.now()
      const row = {
        ...holder,
        hash: hashOf(word),
        createdAt: now,
        usedAt: now,
        expiresAt: Math.min(now + sessionLifeMsMax, endsAt),
      }
      keep(row)
      held.set(row.hash, row)
      return { word, session: shown(row, word) }
    },
    find(word, touch) {
      const row = WORD.test(word) ? held.get(hashOf(word)) : undefined
      if (row === undefined) return undefined
      if (isOver(row)) {
        drop(row.hash)
        return undefined
      }
      if (!touch) return shown(row, word)
      const used = { ...row, usedAt: clock.now() }
      held.set(row.hash, used)
      if (used.usedAt - (saved.get(row.hash) ?? 0) >= SAVE_EVERY_MS) keep(used)
      return shown(used, word)
    },
    close: (word) => WORD.test(word) && drop(hashOf(word)),
    count: () => held.size,
  }
}
