// How a node was of late, as plots, and which revisions it ran.

import type { TracePoint } from '../../fleet/trace.ts'
import { rates } from '../model/plot.ts'
import { bytesText, rttText, timeText, versionText } from '../model/words.ts'
import { now } from '../store.ts'
import { Card, Empty } from '../view/parts.tsx'
import { PlotView } from '../view/plot.tsx'
import { useLoad } from '../view/use-load.ts'

const REVISIONS_SHOWN = 10

/** When it was first heard with each revision, the newest first. */
function revisionsOf(points: readonly TracePoint[]): readonly TracePoint[] {
  return points.filter((point, at) => versionText(points[at - 1]?.applied) !== versionText(point.applied)).toReversed()
}

export function NodeTrace({ about, name }: { readonly name: string; readonly about: unknown }) {
  const { value } = useLoad<{ items: readonly TracePoint[] }>(`/api/v1/fleet/${encodeURIComponent(name)}/trace`, about)
  const points = value?.items ?? []
  if (points.length === 0) return null
  const perSecond = (figure: number): string => `${bytesText(figure)}/s`
  const count = (figure: number): string => String(Math.round(figure))
  const revisions = revisionsOf(points)
  return (
    <Card
      title="Of late"
      id="trace"
      class="span"
      aside={<span class="count">since the hub started, at most a day</span>}
    >
      <div class="plots">
        <PlotView
          title="Round trip, median"
          samples={points.map(({ at, rttUs }) => ({ at, value: rttUs }))}
          text={rttText}
        />
        <PlotView
          title="Peers reached"
          samples={points.map(({ at, reachable }) => ({ at, value: reachable }))}
          text={count}
        />
        <PlotView
          title="Peers not reached"
          samples={points.map(({ at, peers, reachable }) => ({ at, value: peers - reachable }))}
          text={count}
        />
        <PlotView title="By relay" samples={points.map(({ at, relayed }) => ({ at, value: relayed }))} text={count} />
        <PlotView
          title="Received"
          samples={rates(points.map(({ at, rxBytes }) => ({ at, value: rxBytes })))}
          text={perSecond}
        />
        <PlotView
          title="Sent"
          samples={rates(points.map(({ at, txBytes }) => ({ at, value: txBytes })))}
          text={perSecond}
        />
      </div>
      <h3>Revisions it ran</h3>
      {revisions.length === 0 ? (
        <Empty>None heard.</Empty>
      ) : (
        <p class="chips">
          {revisions.slice(0, REVISIONS_SHOWN).map(({ applied, at }) => (
            <span key={at} class="chip">
              {versionText(applied)} <small>from {timeText(at, now.value)}</small>
            </span>
          ))}
        </p>
      )}
    </Card>
  )
}
