// get -w: the list, then what changes. The stream of events is open before the list is asked for, so that no change falls
// between the two; each event only says that it is time to look again.

import { HoldfastError } from '../../shared/errors.ts'
import type { Client } from './client.ts'
import type { Row, TableOf } from './columns.ts'
import { type Context, outputOf } from './context.ts'

export interface Fetched {
  readonly items: readonly unknown[]
  readonly table: TableOf
}

/** Several changes within this are one look at the list. */
const SETTLE_MS = 200

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

/** Never returns by itself: rejects when the stream ends, or when the list can't be had. */
export async function watch(
  context: Context,
  client: Pick<Client, 'events'>,
  fetch: () => Promise<Fetched>,
  show: (fetched: Fetched) => void,
): Promise<never> {
  const { promise: failed, reject } = Promise.withResolvers<never>()
  const end = new AbortController()
  let held: Fetched | undefined
  let due = false
  // One after the other: an older list must not come after a newer one.
  let looking = Promise.resolve()
  const lookOnce = async (): Promise<void> => {
    const now = await fetch()
    if (held === undefined) show(now)
    else showChanges(context, held, now, show)
    held = now
  }
  const look = (): void => {
    looking = looking.then(lookOnce)
    looking.catch(reject)
  }
  const onEvent = (): void => {
    if (due) return
    due = true
    context.clock.after(SETTLE_MS, () => {
      due = false
      look()
    })
  }
  try {
    await Promise.race([client.events({ onOpen: look, onEvent }, end.signal), failed])
  } finally {
    end.abort()
  }
  throw new HoldfastError('unreachable', 'the hub ended the watch', { remedy: 'Start it again.' })
}
