// The flows of one node that came in last.

import type { FleetFlows } from '../../flows/fleet-flows.ts'
import { destinationText, flowRows, rootCause, sourceText } from '../model/flows.ts'
import { href } from '../model/route.ts'
import { bytesText, timeText } from '../model/words.ts'
import { now } from '../store.ts'
import { Card, Empty } from '../view/parts.tsx'
import { useLoad } from '../view/use-load.ts'

const SHOWN = 12

export function NodeFlows({ about, name }: { readonly name: string; readonly about: unknown }) {
  const { error, value } = useLoad<FleetFlows>(
    `/api/v1/flows?since=1h&limit=200&peer=${encodeURIComponent(name)}`,
    about,
  )
  const rows = flowRows(value?.items ?? []).slice(0, SHOWN)
  return (
    <Card title="Recent flows" id="flows" class="span" aside={<a href={href('flows', { peer: name })}>All flows</a>}>
      {rows.length === 0 ? (
        <Empty>{error === undefined ? 'None on record in the last hour.' : error.message}</Empty>
      ) : (
        <div class="scroll" role="region" aria-labelledby="flows" tabIndex={0}>
          <table class="table plain">
            <thead>
              <tr>
                <th scope="col">Verdict</th>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col">Service</th>
                <th scope="col" class="figure">
                  Bytes
                </th>
                <th scope="col" class="figure">
                  Last
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.key} title={rootCause(row, rows)}>
                  <td>
                    <span class={`pill verdict-${row.verdict}`}>{row.verdict === 'drop' ? 'Denied' : 'Accepted'}</span>
                  </td>
                  <td>{sourceText(row)}</td>
                  <td>{destinationText(row)}</td>
                  <td class="mono">{row.service}</td>
                  <td class="figure">{bytesText(row.bytes)}</td>
                  <td class="figure">{timeText(row.lastAt, now.value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  )
}
