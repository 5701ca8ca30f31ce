// A line over time with its largest value and its span; who cannot see it is told both, and the last value.

import { plotOf, type Sample } from '../model/plot.ts'
import { timeText } from '../model/words.ts'
import { now } from '../store.ts'

const WIDTH = 320
const HEIGHT = 72

interface PlotProps {
  readonly title: string
  readonly samples: readonly Sample[]
  readonly text: (value: number) => string
}

export function PlotView({ samples, text, title }: PlotProps) {
  const { dots, fromAt, lines, max, toAt } = plotOf(samples, WIDTH, HEIGHT)
  const last = samples.findLast(({ value }) => value !== undefined)?.value
  const shown = last === undefined ? 'not measured' : text(last)
  return (
    <figure class="plot">
      <figcaption>
        {title} <strong>{shown}</strong>
      </figcaption>
      <svg
        viewBox={`-2 -4 ${WIDTH + 4} ${HEIGHT + 8}`}
        role="img"
        aria-label={last === undefined ? `${title}: ${shown}` : `${title}: ${shown} now, up to ${text(max)}`}
      >
        <path class="axis" d={`M0 0H${WIDTH}M0 ${HEIGHT}H${WIDTH}`} />
        {lines.map((line) => (
          <path key={line} class="trace" d={line} />
        ))}
        {dots.map(({ x, y }) => (
          <circle key={x} class="point" cx={x} cy={y} r={2.5} />
        ))}
      </svg>
      {last === undefined ? null : (
        <p class="span-text">
          <span>{timeText(fromAt, now.value)}</span>
          <span>top: {text(max)}</span>
          <span>{timeText(toAt, now.value)}</span>
        </p>
      )}
    </figure>
  )
}
