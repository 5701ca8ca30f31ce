// Flows as devices have them on record: who talked with whom as a map of services, what was denied first, and why.

import { useMemo, useState } from 'preact/hooks'
import type { PeerReport } from '../../../shared/wire/report.ts'
import type { FleetFlows } from '../../flows/fleet-flows.ts'
import { pathTitles } from '../model/device.ts'
import { destinationText, type FlowRow, flowRows, rootCause, sourceText } from '../model/flows.ts'
import { bytesText, countText, lifeText, timeText } from '../model/words.ts'
import { now, route } from '../store.ts'
import { Busy, Card, Empty, Trouble } from '../view/parts.tsx'
import { type RecordColumn, RecordTable } from '../view/record-table.tsx'
import { useLoad } from '../view/use-load.ts'
import { ServiceMap } from './service-map.tsx'

const SINCE = ['20m', '1h', '4h', '1d', '7d'] as const
const SHOWN = 200

function Why({ isOpen, onTurn }: { readonly isOpen: boolean; readonly onTurn: () => void }) {
  return (
    <button type="button" class="button small" aria-expanded={isOpen} onClick={onTurn}>
      Why
    </button>
  )
}

const columns: readonly RecordColumn<FlowRow>[] = [
  {
    title: 'Verdict',
    class: 'whole',
    cell: ({ verdict }) => <span class={`pill verdict-${verdict}`}>{verdict === 'drop' ? 'Denied' : 'Accepted'}</span>,
  },
  { title: 'From', cell: sourceText },
  { title: 'To', cell: destinationText },
  { title: 'Service', class: 'mono', cell: ({ service }) => service },
  { title: 'Flows', class: 'figure', cell: ({ flows }) => flows.toLocaleString('en') },
  { title: 'Bytes', class: 'figure', cell: ({ bytes }) => bytesText(bytes) },
  { title: 'Path', cell: ({ path }) => pathTitles[path as PeerReport['path']] ?? (path || '–') },
  { title: 'Last', class: 'figure', cell: ({ lastAt }) => timeText(lastAt, now.value) },
]

function OnRecord({ rows }: { readonly rows: readonly FlowRow[] }) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const turn = (key: string): void => {
    setOpen(new Set(open.has(key) ? [...open].filter((one) => one !== key) : [...open, key]))
  }
  const why: RecordColumn<FlowRow> = {
    title: 'Why',
    cell: ({ key }) => <Why isOpen={open.has(key)} onTurn={() => turn(key)} />,
  }
  return (
    <RecordTable
      labelledBy="on-record"
      rows={rows.slice(0, SHOWN)}
      columns={[...columns, why]}
      keyOf={({ key }) => key}
      below={(row) =>
        open.has(row.key) ? (
          <>
            {rootCause(row, rows)}{' '}
            {row.strangers.length === 0 ? null : `${row.strangers.join(', ')} was not known by name then. `}
            <small>On record at {row.reporters.join(', ')}.</small>
          </>
        ) : undefined
      }
    />
  )
}

interface Asked {
  readonly since: string
  readonly peer: string
  readonly denied: boolean
}

function Filters({ asked, onAsk }: { readonly asked: Asked; readonly onAsk: (asked: Asked) => void }) {
  return (
    <form class="tools filters" onSubmit={(event) => event.preventDefault()}>
      <label class="choice">
        Since
        <select value={asked.since} onChange={(event) => onAsk({ ...asked, since: event.currentTarget.value })}>
          {SINCE.map((one) => (
            <option key={one} value={one}>
              {lifeText(one)}
            </option>
          ))}
        </select>
      </label>
      <label class="choice">
        Node, pod, service or address
        <input
          type="text"
          value={asked.peer}
          onChange={(event) => onAsk({ ...asked, peer: event.currentTarget.value.trim() })}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={asked.denied}
          onChange={(event) => onAsk({ ...asked, denied: event.currentTarget.checked })}
        />
        Only denied
      </label>
    </form>
  )
}

function pathOf({ denied, peer, since }: Asked): string {
  const query = new URLSearchParams({
    since,
    limit: '1000',
    ...(peer === '' ? {} : { peer }),
    ...(denied ? { denied: 'true' } : {}),
  })
  return `/api/v1/flows?${query.toString()}`
}

export function FlowsPage() {
  const { query } = route.value
  const [asked, setAsked] = useState<Asked>({ since: '1h', peer: query.get('peer') ?? '', denied: query.has('denied') })
  const { error, value } = useLoad<FleetFlows>(pathOf(asked), Math.floor(now.value / 20_000))
  const rows = useMemo(() => flowRows(value?.items ?? []), [value])
  const lost = value?.lostBefore.length ?? 0
  const denied = rows.filter(({ verdict }) => verdict === 'drop').length
  return (
    <>
      <h1>
        Flows{' '}
        <small role="status">{value === undefined ? '' : `${countText(rows.length, 'pair')}, ${denied} denied`}</small>
      </h1>
      <Filters asked={asked} onAsk={setAsked} />
      {error === undefined ? null : <Trouble title={error.message} remedy={error.remedy} />}
      {value === undefined && error === undefined ? <Busy what="Reading flows" /> : null}
      {rows.length === 0 ? null : <ServiceMap rows={rows} />}
      <Card title="On record" id="on-record">
        {rows.length === 0 ? (
          <Empty>No flows fit. Devices bring theirs every few seconds while the hub is there.</Empty>
        ) : (
          <OnRecord rows={rows} />
        )}
        {lost === 0 ? null : (
          <p class="hint">{countText(lost, 'gap')} in the record: some traffic of that time stands nowhere.</p>
        )}
        {value?.next === undefined ? null : (
          <p class="hint">Older flows are on record too: choose a node to see more of it.</p>
        )}
      </Card>
    </>
  )
}
