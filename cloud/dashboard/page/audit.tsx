// Who changed what and from where, the newest first.

import { useState } from 'preact/hooks'
import type { AuditEntry } from '../../audit.ts'
import { http, notifyError } from '../app.ts'
import { csvText } from '../model/csv.ts'
import { timeText } from '../model/words.ts'
import { now, written } from '../store.ts'
import { download } from '../view/download.ts'
import { Icon } from '../view/icon.tsx'
import { Busy, Card, Empty, Trouble } from '../view/parts.tsx'
import { useLoad } from '../view/use-load.ts'

const PAGE = 100

type Row = AuditEntry

function exportRows(rows: readonly Row[]): void {
  const lines = rows.map(({ actor, at, detail, target, verb, whence = '' }) => [
    new Date(at).toISOString(),
    actor,
    whence,
    verb,
    target,
    detail,
  ])
  download('audit.csv', 'text/csv', csvText([['time', 'who', 'from', 'did', 'what', 'detail'], ...lines]))
}

export function AuditPage() {
  const { error, value } = useLoad<{ items: readonly Row[] }>(
    `/api/v1/audit?limit=${PAGE}`,
    JSON.stringify(written.value),
  )
  const [older, setOlder] = useState<readonly Row[]>([])
  const [search, setSearch] = useState('')
  const all = [...(value?.items ?? []), ...older]
  const words = search.toLowerCase()
  const rows = all.filter((row) => Object.values(row).join(' ').toLowerCase().includes(words))
  const last = all.at(-1)?.id
  const more = (): void => {
    http
      .get<{ items: readonly Row[] }>(`/api/v1/audit?limit=${PAGE}&before=${last}`)
      .then(({ items }) => setOlder([...older, ...items]), notifyError)
  }
  return (
    <>
      <h1>Audit log</h1>
      <div class="tools">
        <label class="search">
          <Icon name="search" />
          <span class="unseen">Search the audit log</span>
          <input
            type="search"
            placeholder="Who, what, detail"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <span class="spring" />
        <button type="button" class="button" onClick={() => exportRows(rows)}>
          <Icon name="download" />
          CSV
        </button>
      </div>
      {error === undefined ? null : <Trouble title={error.message} remedy={error.remedy} />}
      {value === undefined && error === undefined ? <Busy what="Reading the audit log" /> : null}
      <Card title="Every write" id="writes">
        {rows.length === 0 ? (
          <Empty>Nothing fits.</Empty>
        ) : (
          <div class="scroll" role="region" aria-labelledby="writes" tabIndex={0}>
            <table class="table plain">
              <thead>
                <tr>
                  {['Time', 'Who', 'Did', 'What', 'Detail'].map((title) => (
                    <th key={title} scope="col">
                      {title}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.id}>
                    <td>{timeText(row.at, now.value)}</td>
                    <td>
                      {row.actor} <small>{row.whence ?? ''}</small>
                    </td>
                    <td>{row.verb}</td>
                    <td class="mono">{row.target}</td>
                    <td>{row.detail}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {last === undefined || (value?.items.length ?? 0) < PAGE ? null : (
          <button type="button" class="button" onClick={more}>
            Older
          </button>
        )}
      </Card>
    </>
  )
}
