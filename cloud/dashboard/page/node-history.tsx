// How a node reached one of its peers of late: asked of the node itself when somebody looks, for it measures, and its way may be
// paid for by the byte.

import { useState } from 'preact/hooks'
import type { ShownNode } from '../../api/answers.ts'
import { http, notifyError } from '../app.ts'
import { pathTitles, peersInOrder } from '../model/device.ts'
import { lossText, type PastRow, pastOf, samplesOf, stretchesOf } from '../model/past.ts'
import { mayDo } from '../model/session.ts'
import { bytesText, rttText, spanText, timeText } from '../model/words.ts'
import { now, session } from '../store.ts'
import { Card, Empty } from '../view/parts.tsx'
import { PlotView } from '../view/plot.tsx'
import { type Asked, isAsked, useAsked } from '../view/use-asked.ts'

function rateText(perS: number | undefined): string {
  return perS === undefined ? '–' : `${bytesText(perS)}/s`
}

function Paths({ rows }: { readonly rows: readonly PastRow[] }) {
  return (
    <ol class="stretches" aria-label="Paths in use, the oldest first">
      {stretchesOf(rows).map(({ fromAt, path, toAt }) => (
        <li key={fromAt}>
          <span class={`pill path-${path}`}>
            <span class="dot" aria-hidden="true" />
            {pathTitles[path]}
          </span>{' '}
          from {timeText(fromAt, now.value)}
          {toAt > fromAt ? `, ${spanText(toAt - fromAt)}` : ''}
        </li>
      ))}
    </ol>
  )
}

function Table({ rows }: { readonly rows: readonly PastRow[] }) {
  return (
    <details class="twin">
      <summary>The same as a table</summary>
      <div class="scroll" role="region" aria-label="Past of the pair" tabIndex={0}>
        <table class="table plain">
          <thead>
            <tr>
              <th scope="col">At</th>
              <th scope="col">Path</th>
              {['Round trip', 'Loss', 'Received', 'Sent'].map((title) => (
                <th key={title} scope="col" class="figure">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.toReversed().map(({ at, lossPerMille, path, rttUs, rxPerS, txPerS }) => (
              <tr key={at}>
                <th scope="row">{timeText(at, now.value)}</th>
                <td>{pathTitles[path]}</td>
                <td class="figure">{rttText(rttUs)}</td>
                <td class="figure">{lossText(lossPerMille)}</td>
                <td class="figure">{rateText(rxPerS)}</td>
                <td class="figure">{rateText(txPerS)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}

function Past({ asked: { endedAt = 0, message, peer, remedy, result, state } }: { readonly asked: Asked }) {
  if (isAsked({ id: '', kind: 'history', state })) return <p role="status">Asked, waiting for the answer …</p>
  if (state !== 'answered') {
    return (
      <p role="status">
        {message ?? 'The node told nothing'}. {remedy ?? ''}
      </p>
    )
  }
  const rows = pastOf(result, endedAt)
  const isAlone = rows.length < 2
  return (
    <>
      <p role="status">
        To {peer}, as the node measured it until {timeText(endedAt, now.value)}.{' '}
        {isAlone ? 'It has nothing of before: it notes a point a minute of peers that it talks with.' : ''}
      </p>
      <Paths rows={rows} />
      <div class="plots">
        <PlotView title="Round trip" samples={samplesOf(rows, 'rttUs')} text={rttText} />
        <PlotView title="Loss of probes" samples={samplesOf(rows, 'lossPerMille')} text={lossText} />
        <PlotView title="Received from it" samples={samplesOf(rows, 'rxPerS')} text={rateText} />
        <PlotView title="Sent to it" samples={samplesOf(rows, 'txPerS')} text={rateText} />
      </div>
      <Table rows={rows} />
    </>
  )
}

/** Why nobody can ask now; undefined where somebody can. */
function obstacle({ report, state }: ShownNode): string | undefined {
  if (!mayDo(session.value, 'operator')) return 'Operators may ask the node for it. You are a viewer.'
  if (report?.commands !== undefined && !report.commands.includes('history'))
    return 'Its agent does not tell its past: it is older than that, or its setting `commands` forbids it.'
  if (report?.commands === undefined) return 'Its agent takes no commands, so it is not asked.'
  return state === 'online' ? undefined : 'The node is away. What it measures meanwhile it tells when it is back.'
}

export function NodeHistory({ device }: { readonly device: ShownNode }) {
  const [asked, setAsked] = useAsked()
  const [chosen, setChosen] = useState('')
  const names = peersInOrder(device.report?.peers ?? []).map(({ name }) => name)
  const peer = chosen || names[0] || ''
  const why = obstacle(device)
  const ask = (): void => {
    http
      .send<Asked>('POST', `/api/v1/nodes/${encodeURIComponent(device.name)}/commands`, { kind: 'history', peer })
      .then(setAsked, notifyError)
  }
  return (
    <Card title="A peer over time" id="past" class="span">
      <div class="commands">
        <label class="choice">
          Peer
          <select value={peer} onChange={(event) => setChosen(event.currentTarget.value)}>
            {names.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="button"
          disabled={why !== undefined || peer === '' || isAsked(asked)}
          aria-describedby="past-why"
          onClick={ask}
        >
          Show its past
        </button>
      </div>
      <p class="hint" id="past-why">
        {why ??
          'Round trip, loss and bytes of up to three hours, asked of the node itself: some 5 kB on its way, only when you ask.'}
      </p>
      {asked === undefined ? <Empty>Not asked yet.</Empty> : <Past asked={asked} />}
    </Card>
  )
}
