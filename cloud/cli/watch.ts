// get -w: the list, then what changes. The stream of events is open before the list is asked for, so that no change falls
// between the two; each event only says that it is time to look again.

import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { Client } from './client.ts'
import type { Row, TableOf } from './columns.ts'
import { type Context, outputOf } from './context.ts'

export interface Fetched {
  readonly items: readonly unknown[]
  readonly table: TableOf
}

/** Several changes within this are one look at the list. */
const SETTLE_MS = 200
/** Between tries while the hub is away: a restart takes a second or two. */
const PAUSE_MS_MIN = 1_000
const PAUSE_MS_MAX = 30_000

function fresh<T>(before: readonly T[], after: readonly T[]): T[] {
  const old = new Set(before.map((one) => JSON.stringify(one)))
  return after.filter((one) => !old.has(JSON.stringify(one)))
}

/** The first column is the name. */
function nameOf(row: Row): string {
  const [cell = ''] = row
  return typeof cell === 'string' ? cell : cell.text
}

function gone(before: readonly Row[], after: readonly Row[]): string[] {
  const there = new Set(after.map(nameOf))
  return before.map(nameOf).filter((name) => !there.has(name))
}

/** Prints what differs from what was printed before. */
function showChanges(context: Context, before: Fetched, after: Fetched, show: (fetched: Fetched) => void): void {
  const rows = fresh(before.table.rows, after.table.rows)
  const items = fresh(before.items, after.items)
  const isTable = outputOf(context) === 'table'
  if (isTable) for (const name of gone(before.table.rows, after.table.rows)) context.out(`${name} deleted\n`)
  if (isTable ? rows.length > 0 : items.length > 0) show({ items, table: { headings: after.table.headings, rows } })
}

/** What passes: a hub that restarts, is full, or is not reached. Anything else is for the person to mend. */
function passes(error: unknown): boolean {
  return (['unreachable', 'exhausted', 'rate-limited', 'failed'] as const).some((code) => isHoldfastError(error, code))
}

function pause({ clock, signal }: Context, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = clock.after(ms, resolve)
  signal?.addEventListener('abort', () => {
    timer.cancel()
    resolve()
  })
  return promise
}

interface Session {
  readonly client: Pick<Client, 'events'>
  /** Looks at the list and prints what differs. */
  readonly look: () => Promise<void>
  readonly onOpen: () => void
}

/** One stream of events; never returns by itself: rejects when the stream ends, or when the list can't be had. */
async function follow({ clock, signal }: Context, { client, look, onOpen }: Session): Promise<never> {
  const { promise: failed, reject } = Promise.withResolvers<never>()
  const end = new AbortController()
  const abort = (): void => {
    reject(new HoldfastError('unreachable', 'the watch was ended'))
    end.abort()
  }
  signal?.addEventListener('abort', abort)
  let due = false
  let ended = false
  // One after the other: an older list must not come after a newer one.
  let looking = Promise.resolve()
  const lookNext = (): void => {
    looking = looking.then(() => (ended ? undefined : look()))
    looking.catch(reject)
  }
  const onEvent = (): void => {
    if (due) return
    due = true
    clock.after(SETTLE_MS, () => {
      due = false
      lookNext()
    })
  }
  const opened = (): void => {
    onOpen()
    lookNext()
  }
  try {
    await Promise.race([client.events({ onOpen: opened, onEvent }, end.signal), failed])
  } finally {
    ended = true
    end.abort()
    signal?.removeEventListener('abort', abort)
  }
  throw new HoldfastError('unreachable', 'the hub ended the watch')
}

/**
 * Outlives the hub: after it was away, what changed meanwhile is printed, as if it had been watched. Rejects where the first
 * try fails, and where a later one can't be mended by waiting; returns when `context.signal` says so.
 */
export async function watch(
  context: Context,
  client: Pick<Client, 'events'>,
  fetch: () => Promise<Fetched>,
  show: (fetched: Fetched) => void,
): Promise<void> {
  let held: Fetched | undefined
  let failures = 0
  let away = false
  const stopped = (): boolean => context.signal?.aborted === true
  const look = async (): Promise<void> => {
    const now = await fetch()
    if (held === undefined) show(now)
    else showChanges(context, held, now, show)
    held = now
    failures = 0
  }
  const onOpen = (): void => {
    if (away) context.err('the hub is back\n')
    away = false
  }
  for (;;) {
    const error: unknown = await follow(context, { client, look, onOpen }).catch((why: unknown) => why)
    if (stopped()) return
    if (held === undefined || !passes(error)) throw error
    if (!away) context.err(`${describeError(error)}; trying again\n`)
    away = true
    const ceilingMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** failures)
    failures += 1
    await pause(context, (0.5 + 0.5 * context.entropy.fraction()) * ceilingMs)
    if (stopped()) return
  }
}
