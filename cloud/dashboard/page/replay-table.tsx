// What a replay of recorded flows came to: what would be lost first.

import type { ChangedEnd } from '../../../shared/flows/replay.ts'
import type { FleetChange, FleetReplay } from '../../policy/whatif.ts'
import { judgementWords } from '../model/flows.ts'
import { bytesText, countText, timeText } from '../model/words.ts'
import { now } from '../store.ts'
import { Empty } from '../view/parts.tsx'
import { type RecordColumn, RecordTable } from '../view/record-table.tsx'

function endText({ addresses, name }: ChangedEnd): string {
  return name ?? addresses.join(', ')
}

const columns: readonly RecordColumn<FleetChange>[] = [
  {
    title: 'Change',
    class: 'whole',
    cell: ({ already, kind }) => (
      <>
        <span class={kind === 'lost' ? 'pill verdict-drop' : 'pill verdict-accept'}>
          {kind === 'lost' ? 'Lost' : 'Gained'}
        </span>
        {already ? <small> already today</small> : null}
      </>
    ),
  },
  { title: 'From', cell: ({ source }) => endText(source) },
  { title: 'To', cell: ({ destination }) => endText(destination) },
  { title: 'Service', class: 'mono', cell: ({ port, protocol }) => `${protocol} ${port ?? ''}` },
  {
    title: 'Flows',
    class: 'figure',
    cell: ({ answered, flows }) => (
      <>
        {flows.toLocaleString('en')} <small>{answered} answered</small>
      </>
    ),
  },
  { title: 'Bytes', class: 'figure', cell: ({ bytes }) => bytesText(bytes) },
  { title: 'Last', class: 'figure', cell: ({ lastMs }) => timeText(lastMs, now.value) },
  {
    title: 'Decided by',
    class: 'long',
    cell: ({ today, would }) => (
      <>
        {judgementWords(would.reason)} <small>today: {judgementWords(today.reason)}</small>
      </>
    ),
  },
]

function keyOf({ already, destination, kind, port, protocol, source }: FleetChange): string {
  return [kind, endText(source), endText(destination), protocol, port, already].join(' ')
}

export function replaySummary({ batches, changes, cut, more, nodes, unchanged, unknownPorts }: FleetReplay): string {
  const open = changes.filter(({ already }) => !already)
  const lost = open.filter(({ kind }) => kind === 'lost').length
  const gained = open.length - lost
  const parts = [
    `${countText(lost, 'pair')} would be lost, ${gained} gained; ${countText(unchanged.flows, 'flow')} as before`,
    `looked at ${countText(batches, 'batch', 'batches')} of ${countText(nodes, 'node')}`,
  ]
  if (unknownPorts.flows > 0) parts.push(`${countText(unknownPorts.flows, 'flow')} of unknown ports left open`)
  if (more > 0) parts.push(`${more} more changes not listed`)
  if (cut) parts.push('older records left out')
  return `${parts.join('; ')}.`
}

/** `labelledBy`: id of the heading. */
export function ReplayTable({ labelledBy, of }: { readonly labelledBy: string; readonly of: FleetReplay }) {
  if (of.changes.length === 0) {
    return (
      <Empty>{of.batches === 0 ? 'No flows on record to try it on.' : 'No recorded flow would fare otherwise.'}</Empty>
    )
  }
  return <RecordTable labelledBy={labelledBy} rows={of.changes} columns={columns} keyOf={keyOf} />
}
