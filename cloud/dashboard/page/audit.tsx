// Who changed what and from where, the newest first; what is looked for is looked for in the whole log, by the hub.

import { useMemo, useState } from 'preact/hooks'
import type { HoldfastError } from '../../../shared/errors.ts'
import type { AuditEntry } from '../../audit.ts'
import { http, notify, notifyError } from '../app.ts'
import { type AuditFilter, auditPath, filterOf, type AuditPage as Page, wholeLog, withNewest } from '../model/audit.ts'
import { csvText } from '../model/csv.ts'
import { href } from '../model/route.ts'
import { countText, timeText } from '../model/words.ts'
import { isStale, now, route, written } from '../store.ts'
import { download } from '../view/download.ts'
import { Icon } from '../view/icon.tsx'
import { Busy, Card, Empty, Trouble } from '../view/parts.tsx'
import { type RecordColumn, RecordTable } from '../view/record-table.tsx'
import { useLoad } from '../view/use-load.ts'

/** Rows of one page: a few screens. */
const PAGE = 100
/** What the hub gives at once, and how often it is asked for one file: a spreadsheet's fill. */
const EXPORT_PAGE = 1_000
const EXPORT_PAGES_MAX = 50

const columns: readonly RecordColumn<AuditEntry>[] = [
  { title: 'Time', cell: ({ at }) => <time dateTime={new Date(at).toISOString()}>{timeText(at, now.value)}</time> },
  {
    title: 'Who',
    cell: ({ actor, whence }) => (
      <>
        {actor} <small>{whence ?? ''}</small>
      </>
    ),
  },
  { title: 'Did', cell: ({ verb }) => verb },
  { title: 'What', class: 'mono', cell: ({ target }) => target },
  { title: 'Detail', class: 'long', cell: ({ detail }) => detail },
]

async function exportLog(filter: AuditFilter): Promise<void> {
  const lines: string[][] = [['time', 'who', 'from', 'did', 'what', 'detail']]
  let before: number | undefined
  for (let pages = 0; pages < EXPORT_PAGES_MAX; pages++) {
    const { items, next } = await http.get<Page>(auditPath(filter, EXPORT_PAGE, before))
    for (const { actor, at, detail, target, verb, whence = '' } of items) {
      lines.push([new Date(at).toISOString(), actor, whence, verb, target, detail])
    }
    before = next
    if (next === undefined) break
  }
  download('audit.csv', 'text/csv', csvText(lines))
  if (before !== undefined) {
    notify('bad', `The file ends after ${countText(lines.length - 1, 'row')}`, 'Choose a shorter time for the rest.')
  }
}

interface WordProps {
  readonly title: string
  readonly name: keyof AuditFilter
  readonly filter: AuditFilter
  readonly onFilter: (filter: AuditFilter) => void
  readonly type?: 'date'
  /** Words that occur, to choose from. */
  readonly words?: readonly string[]
  readonly placeholder?: string
}

/** It is asked for once it is typed whole: each try is a look through the log. */
function Word({ filter, name, onFilter, placeholder, title, type, words = [] }: WordProps) {
  const list = `audit-${name}`
  return (
    <label class="choice">
      {title}
      <input
        type={type ?? 'text'}
        value={filter[name]}
        maxLength={200}
        placeholder={placeholder}
        {...(words.length === 0 ? {} : { list })}
        onChange={(event) => onFilter({ ...filter, [name]: event.currentTarget.value })}
      />
      {words.length === 0 ? null : (
        <datalist id={list}>
          {words.map((word) => (
            <option key={word} value={word} />
          ))}
        </datalist>
      )}
    </label>
  )
}

interface ToolsProps extends Pick<WordProps, 'filter' | 'onFilter'> {
  readonly rows: readonly AuditEntry[]
}

function Tools({ filter, onFilter, rows }: ToolsProps) {
  const [isBusy, setBusy] = useState(false)
  const among = (pick: (row: AuditEntry) => string): readonly string[] => [...new Set(rows.map(pick))].sort()
  const given = { filter, onFilter }
  const isAll = Object.values(filter).every((part) => part === '')
  return (
    <form class="tools filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <Word {...given} title="Who" name="actor" words={among(({ actor }) => actor)} />
      <Word {...given} title="Did" name="verb" words={among(({ verb }) => verb)} placeholder="create, delete …" />
      <Word
        {...given}
        title="What"
        name="target"
        words={among(({ target }) => `${target.split('/')[0]}/`)}
        placeholder="begins with …"
      />
      <Word {...given} title="From" name="from" type="date" />
      <Word {...given} title="To" name="to" type="date" />
      {isAll ? null : (
        <button type="button" class="button" onClick={() => onFilter(wholeLog)}>
          <Icon name="close" />
          Clear
        </button>
      )}
      <span class="spring" />
      <button
        type="button"
        class="button"
        disabled={isBusy}
        onClick={() => {
          setBusy(true)
          exportLog(filter)
            .catch(notifyError)
            .finally(() => setBusy(false))
        }}
      >
        <Icon name="download" />
        CSV
      </button>
    </form>
  )
}

interface Held {
  readonly path: string
  readonly page: Page
}

export function AuditPage() {
  // What is looked for stands in the address: it can be passed on.
  const filter = useMemo(() => filterOf(route.value.query), [route.value])
  const setFilter = (next: AuditFilter): void => {
    const asked = Object.entries(next).filter(([, part]) => part !== '')
    location.hash = href('audit', Object.fromEntries(asked))
  }
  const [held, setHeld] = useState<Held | undefined>(undefined)
  const path = auditPath(filter, PAGE)
  const { error, isOfPath, value } = useLoad<Page>(path, JSON.stringify(written.value))
  // Rows that were read for another question are no answer to this one.
  const page =
    value === undefined || !isOfPath ? undefined : withNewest(value, held?.path === path ? held.page : undefined)
  const rows = page?.items ?? []
  const more = (before: number): void => {
    http
      .get<Page>(auditPath(filter, PAGE, before))
      .then((older) => setHeld({ path, page: { ...older, items: [...rows, ...older.items] } }), notifyError)
  }
  const next = page?.next
  return (
    <>
      <h1>
        Audit log <small role="status">{page === undefined ? '' : shownText(page)}</small>
      </h1>
      <Tools filter={filter} onFilter={setFilter} rows={rows} />
      {error === undefined ? null : <Trouble title={error.message} remedy={error.remedy} />}
      {page === undefined && error === undefined && !isStale.value ? <Busy what="Reading the audit log" /> : null}
      <Card title="Every write" id="writes">
        {page === undefined ? (
          <Empty>{waitText(error)}</Empty>
        ) : rows.length === 0 ? (
          <Empty>Nothing in the log fits.</Empty>
        ) : (
          <RecordTable labelledBy="writes" rows={rows} columns={columns} keyOf={({ id }) => id} />
        )}
        {next === undefined ? null : (
          <button type="button" class="button" onClick={() => more(next)}>
            Older
          </button>
        )}
      </Card>
    </>
  )
}

/** Why no rows are here. */
function waitText(error: HoldfastError | undefined): string {
  if (isStale.value) return 'They are asked for as soon as the hub answers again.'
  return error === undefined ? 'They are being read.' : 'They are not shown: see above.'
}

function shownText({ items, next }: Page): string {
  return next === undefined ? countText(items.length, 'row') : `the newest ${items.length.toLocaleString('en')} rows`
}
