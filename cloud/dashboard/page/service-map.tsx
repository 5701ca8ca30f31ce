// The map of services as lines between callers and called. The table below it says the same in words.

import { useMemo, useState } from 'preact/hooks'
import type { FlowRow } from '../model/flows.ts'
import { type MapEdge, type MapEnd, serviceMap } from '../model/service-map.ts'
import { bytesText, countText } from '../model/words.ts'
import { Card } from '../view/parts.tsx'

const ROW = 26
const LINES = 300
const TITLE_MAX = 30
/** Of a letter, and beside a title. */
const [LETTER, ROOM] = [7.6, 14]
/** On a phone it is scrolled rather than made smaller than that. */
const WIDTH_MIN = 340

function shortTitle(title: string): string {
  return title.length > TITLE_MAX ? `${title.slice(0, TITLE_MAX - 1)}…` : title
}

function widthOf(ends: readonly MapEnd[]): number {
  return ROOM + LETTER * Math.max(...ends.map(({ title }) => shortTitle(title).length), 6)
}

function edgeText({ bytes, denied, flows, from, services, to }: MapEdge): string {
  const what = services.slice(0, 4).join(', ')
  return `${from.title} → ${to.title}: ${what}${services.length > 4 ? ' …' : ''}; ${denied ? 'denied, ' : ''}${countText(flows, 'flow')}, ${bytesText(bytes)}`
}

interface EndsProps {
  readonly ends: readonly MapEnd[]
  readonly height: number
  readonly side: 'left' | 'right'
  readonly x: number
}

function Ends({ ends, height, side, x }: EndsProps) {
  return (
    <>
      {ends.map(({ at, key, title }) => (
        <text key={key} x={x} y={at * height} class={`end ${side}`}>
          {shortTitle(title)}
        </text>
      ))}
    </>
  )
}

export function ServiceMap({ rows }: { readonly rows: readonly FlowRow[] }) {
  const { edges, left, more, right } = useMemo(() => serviceMap(rows), [rows])
  const [hovered, setHovered] = useState<string | undefined>(undefined)
  const height = Math.max(left.length, right.length, 2) * ROW
  const from = widthOf(left)
  const to = from + LINES
  const width = to + widthOf(right)
  const shown = edges.find(({ key }) => key === hovered)
  return (
    <Card title="Service map" id="service-map" aside={<span class="count">{countText(edges.length, 'pair')}</span>}>
      <div class="scroll map-scroll" role="region" aria-labelledby="service-map" tabIndex={0}>
        <svg
          class="service-map"
          viewBox={`0 0 ${width} ${height}`}
          width={width}
          style={{ minWidth: `${Math.min(width, WIDTH_MIN)}px` }}
          role="img"
          aria-label={`${left.length} callers and ${right.length} called; the table below has them all`}
        >
          {edges.map((edge) => {
            const [y1, y2] = [edge.from.at * height, edge.to.at * height]
            const middle = (from + to) / 2
            const line = `M${from + 12} ${y1}C${middle} ${y1} ${middle} ${y2} ${to - 12} ${y2}`
            const name = [edge.denied ? 'denied' : 'passes', edge.key === hovered ? 'hovered' : ''].join(' ')
            return (
              <g
                key={edge.key}
                class={name}
                onMouseEnter={() => setHovered(edge.key)}
                onMouseLeave={() => setHovered(undefined)}
              >
                <path class="hit" d={line} />
                <path d={line} style={{ strokeWidth: Math.min(6, 1.2 + Math.log10(1 + edge.bytes / 1_000)) }} />
                <title>{edgeText(edge)}</title>
              </g>
            )
          })}
          <Ends ends={left} side="left" x={from} height={height} />
          <Ends ends={right} side="right" x={to} height={height} />
        </svg>
      </div>
      <p class="hint">
        {shown === undefined
          ? `Lines are flows, thicker with more bytes; dashed ones were denied.${more > 0 ? ` ${more} more pairs stand in the table.` : ''}`
          : edgeText(shown)}
      </p>
    </Card>
  )
}
