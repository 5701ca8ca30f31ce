// Every node as a table: searched, chosen by label or state, sorted, and taken along as CSV.

import { useMemo, useState } from 'preact/hooks'
import { clock } from '../app.ts'
import { csvText } from '../model/csv.ts'
import {
  type Column,
  csvOf,
  everything,
  type Filter,
  filterRows,
  labelCounts,
  type NodeRow,
  nodeRows,
  type Order,
  sortRows,
} from '../model/node-table.ts'
import { presences, presenceTitles } from '../model/presence.ts'
import { nodeHref } from '../model/route.ts'
import { countText, rttText, spanText, versionText } from '../model/words.ts'
import { now, roster, route } from '../store.ts'
import { download } from '../view/download.ts'
import { Icon } from '../view/icon.tsx'
import { Busy, PresencePill, SeverityPill } from '../view/parts.tsx'
import { type ColumnOf, VirtualTable } from '../view/virtual-table.tsx'

const LABELS_SHOWN = 12

const tableColumns: readonly ColumnOf<NodeRow, Column>[] = [
  {
    key: 'name',
    title: 'Name',
    class: 'w-name',
    sorts: true,
    cell: (row) => <a href={nodeHref(row.name)}>{row.name}</a>,
  },
  {
    key: 'presence',
    title: 'State',
    class: 'w-state',
    sorts: true,
    cell: (row) => <PresencePill presence={row.presence} />,
  },
  {
    key: 'health',
    title: 'Health',
    class: 'w-health',
    sorts: true,
    cell: (row) => (row.severity === undefined ? <span class="dim">–</span> : <SeverityPill severity={row.severity} />),
  },
  {
    key: 'labels',
    title: 'Labels',
    class: 'w-labels huge-only',
    sorts: true,
    cell: (row) => <span class="labels">{row.labelTexts.join('  ')}</span>,
  },
  {
    key: 'address',
    title: 'Address',
    class: 'w-address mono medium-only',
    sorts: true,
    cell: (row) => row.addresses[0] ?? '–',
  },
  {
    key: 'peers',
    title: 'Peers',
    class: 'w-figure figure medium-only',
    sorts: true,
    cell: (row) => (row.peers === undefined ? '–' : `${row.reachable} / ${row.peers}`),
  },
  {
    key: 'rtt',
    title: 'Round trip',
    class: 'w-figure figure huge-only',
    sorts: true,
    cell: (row) => rttText(row.rttUs),
  },
  {
    key: 'revision',
    title: 'Revision',
    class: 'w-figure figure medium-only',
    sorts: true,
    cell: (row) => versionText(row.applied),
  },
  { key: 'version', title: 'Agent', class: 'w-agent mono vast-only', sorts: true, cell: (row) => row.version ?? '–' },
  {
    key: 'since',
    title: 'For',
    class: 'w-since figure medium-only',
    sorts: true,
    cell: (row) => (row.since === undefined ? '–' : spanText(now.value - row.since)),
  },
]

function askedFilter(): Filter {
  const { query } = route.value
  const presence = presences.find((one) => one === query.get('state'))
  return { ...everything, presence, trouble: query.has('trouble'), search: query.get('search') ?? '' }
}

interface ToolsProps {
  readonly rows: readonly NodeRow[]
  readonly filter: Filter
  readonly onFilter: (filter: Filter) => void
}

function Tools({ filter, onFilter, rows }: ToolsProps) {
  return (
    <div class="tools">
      <label class="search">
        <Icon name="search" />
        <span class="unseen">Search nodes</span>
        <input
          type="search"
          placeholder="Name, address, label, version"
          value={filter.search}
          onInput={(event) => onFilter({ ...filter, search: event.currentTarget.value })}
        />
      </label>
      <label class="choice">
        State
        <select
          value={filter.presence ?? ''}
          onChange={(event) => {
            const presence = presences.find((one) => one === event.currentTarget.value)
            onFilter({ ...filter, presence })
          }}
        >
          <option value="">All</option>
          {presences.map((one) => (
            <option key={one} value={one}>
              {presenceTitles[one]}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={filter.trouble}
          onChange={(event) => onFilter({ ...filter, trouble: event.currentTarget.checked })}
        />
        Only with conditions
      </label>
      <span class="spring" />
      <button
        type="button"
        class="button"
        onClick={() => {
          const day = new Date(clock.now()).toLocaleDateString('en-CA')
          download(`nodes-${day}.csv`, 'text/csv', csvText(csvOf(rows)))
        }}
      >
        <Icon name="download" />
        CSV
      </button>
    </div>
  )
}

function LabelChips({ filter, onFilter, rows }: ToolsProps) {
  const counts = useMemo(() => labelCounts(rows), [rows])
  const chosen = new Set(filter.labels)
  const shown = counts.filter(({ label }, at) => at < LABELS_SHOWN || chosen.has(label))
  if (shown.length === 0) return null
  return (
    <div class="chips" role="group" aria-label="Labels">
      {shown.map(({ count, label }) => (
        <button
          key={label}
          type="button"
          class="chip"
          aria-pressed={chosen.has(label)}
          onClick={() => {
            const labels = chosen.has(label) ? filter.labels.filter((one) => one !== label) : [...filter.labels, label]
            onFilter({ ...filter, labels })
          }}
        >
          {label} <small>{count.toLocaleString('en')}</small>
        </button>
      ))}
    </div>
  )
}

export function NodesPage() {
  const [filter, setFilter] = useState<Filter>(askedFilter)
  const [order, setOrder] = useState<Order>({ by: 'name', descending: false })
  const known = roster.value
  // Ages tick; who is where is worked out anew only with a new list.
  const rows = useMemo(() => (known === undefined ? [] : nodeRows(known, now.peek())), [known])
  const shown = useMemo(() => sortRows(filterRows(rows, filter), order), [rows, filter, order])
  if (known === undefined) return <Busy what="Reading the fleet" />
  const sort = (by: Column): void => setOrder({ by, descending: order.by === by && !order.descending })
  return (
    <>
      <h1>
        Nodes{' '}
        <small role="status">
          {shown.length === rows.length ? countText(rows.length, 'node') : `${shown.length} of ${rows.length}`}
        </small>
      </h1>
      <Tools rows={shown} filter={filter} onFilter={setFilter} />
      <LabelChips rows={rows} filter={filter} onFilter={setFilter} />
      <VirtualTable
        label="Nodes"
        rows={shown}
        columns={tableColumns}
        keyOf={({ name }) => name}
        order={order}
        onSort={sort}
        empty={
          rows.length === 0
            ? 'No node yet: make a join token under Join.'
            : 'No node fits. Clear the search or the labels.'
        }
      />
    </>
  )
}
