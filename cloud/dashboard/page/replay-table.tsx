// What a replay of recorded flows came to: what would be lost first.

import type { ChangedEnd } from '../../../shared/flows/replay.ts'
import type { FleetChange, FleetReplay } from '../../policy/whatif.ts'
import { judgementWords } from '../model/flows.ts'
import { bytesText, countText, timeText } from '../model/words.ts'
import { now } from '../store.ts'
import { Empty } from '../view/parts.tsx'

function endText({ addresses, name }: ChangedEnd): string {
  return name ?? addresses.join(', ')
}

function Row({ of }: { readonly of: FleetChange }) {
  const { already, answered, bytes, destination, flows, kind, lastMs, port, protocol, source, today, would } = of
  return (
    <tr>
      <td>
        <span class={kind === 'lost' ? 'pill verdict-drop' : 'pill verdict-accept'}>
          {kind === 'lost' ? 'Lost' : 'Gained'}
        </span>
        {already ? <small> already today</small> : null}
      </td>
      <td>{endText(source)}</td>
      <td>{endText(destination)}</td>
      <td class="mono">
        {protocol} {port ?? ''}
      </td>
      <td class="figure">
        {flows.toLocaleString('en')} <small>{answered} answered</small>
      </td>
      <td class="figure">{bytesText(bytes)}</td>
      <td class="figure">{timeText(lastMs, now.value)}</td>
      <td>
        {judgementWords(would.reason)} <small>today: {judgementWords(today.reason)}</small>
      </td>
    </tr>
  )
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

export function ReplayTable({ label, of }: { readonly label: string; readonly of: FleetReplay }) {
  if (of.changes.length === 0) {
    return (
      <Empty>{of.batches === 0 ? 'No flows on record to try it on.' : 'No recorded flow would fare otherwise.'}</Empty>
    )
  }
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table class="table plain">
        <thead>
          <tr>
            <th scope="col">Change</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Service</th>
            <th scope="col" class="figure">
              Flows
            </th>
            <th scope="col" class="figure">
              Bytes
            </th>
            <th scope="col" class="figure">
              Last
            </th>
            <th scope="col">Decided by</th>
          </tr>
        </thead>
        <tbody>
          {of.changes.map((one) => (
            <Row
              key={[one.kind, endText(one.source), endText(one.destination), one.protocol, one.port, one.already].join(
                ' ',
              )}
              of={one}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}
