// The map as a picture: spots on rings, links as curves through the middle, coloured by the kind of path and dashed where it is
// poor.

import { useMemo, useState } from 'preact/hooks'
import type { Topology, TopologyLink } from '../../fleet/topology.ts'
import { pathTitles } from '../model/device.ts'
import { mainKind, type PlacedSpot, pairsOf, placeSpots, qualityOf } from '../model/map-layout.ts'
import { countText, rttText } from '../model/words.ts'
import { Card } from '../view/parts.tsx'

const SIZE = 640
const REACH = 200
/** Where a spot has less room, its label points away from the middle. */
const FLAT_ROOM = 69
const LEGEND = ['lan', 'direct', 'relay', 'tls', 'none'] as const

interface DrawingProps {
  readonly topology: Topology
  readonly links: readonly TopologyLink[]
  /** Keys that a search found; undefined where nobody searches. */
  readonly found: ReadonlySet<string> | undefined
  readonly chosen: TopologyLink | undefined
  readonly onChoose: (link: TopologyLink) => void
  readonly onEnter: (key: string) => void
}

function linkText(link: TopologyLink): string {
  return `${link.a || 'no label'} – ${link.b || 'no label'}: ${countText(pairsOf(link), 'pair')}, mostly ${pathTitles[mainKind(link)]}, ${rttText(link.rttUs)}`
}

/** Drawn toward the middle, so that neighbours on the ring are told apart. */
function curve(a: PlacedSpot, b: PlacedSpot): string {
  const [ax, ay, bx, by] = [a.x * REACH, a.y * REACH, b.x * REACH, b.y * REACH]
  const [cx, cy] = [(ax + bx) * 0.28, (ay + by) * 0.28]
  return `M${ax.toFixed(1)} ${ay.toFixed(1)}Q${cx.toFixed(1)} ${cy.toFixed(1)} ${bx.toFixed(1)} ${by.toFixed(1)}`
}

interface LineProps extends Pick<DrawingProps, 'onChoose'> {
  readonly link: TopologyLink
  readonly ends: readonly [PlacedSpot, PlacedSpot]
  readonly isChosen: boolean
  readonly isFaint: boolean
  readonly onHover: (link: TopologyLink | undefined) => void
}

function Line({ ends: [a, b], isChosen, isFaint, link, onChoose, onHover }: LineProps) {
  const name = [
    'tie',
    `path-${mainKind(link)}`,
    `quality-${qualityOf(link)}`,
    isChosen ? 'chosen' : '',
    isFaint ? 'faint' : '',
  ]
  return (
    <g
      class={name.join(' ')}
      onMouseEnter={() => onHover(link)}
      onMouseLeave={() => onHover(undefined)}
      onClick={() => onChoose(link)}
    >
      <path class="hit" d={curve(a, b)} />
      <path d={curve(a, b)} style={{ strokeWidth: 1 + Math.min(3.5, Math.log2(1 + pairsOf(link)) * 0.6) }} />
    </g>
  )
}

interface SpotProps extends Pick<DrawingProps, 'onEnter'> {
  readonly spot: PlacedSpot
  readonly inside: TopologyLink | undefined
  readonly isFaint: boolean
  /** Pixels of the drawing that it may take. */
  readonly room: number
}

function SpotMark({ inside, isFaint, onEnter, room, spot }: SpotProps) {
  const { key, nodes, online, side, tilt, x, y } = spot
  const radius = Math.min(room * 0.42, 7 + Math.min(9, Math.sqrt(nodes) * 1.4))
  const isCrowded = room < FLAT_ROOM
  const health = online === nodes ? 'whole' : online === 0 ? 'gone' : 'part'
  const off = side === 'left' ? -radius - 6 : radius + 6
  const title = `${key || 'no label'} ${online} / ${nodes} nodes online`
  const quality = inside === undefined ? 'good' : qualityOf(inside)
  return (
    <g
      class={`spot spot-${health} ${isFaint ? 'faint' : ''}`}
      transform={`translate(${(x * REACH).toFixed(1)} ${(y * REACH).toFixed(1)})`}
      role="button"
      tabIndex={0}
      onClick={() => onEnter(key)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return
        event.preventDefault()
        onEnter(key)
      }}
    >
      <title>{title}</title>
      <circle r={radius} class={`quality-${quality}`} />
      <g transform={`rotate(${tilt.toFixed(1)})`} class={isCrowded ? 'crowded' : ''}>
        <text x={off} y={isCrowded ? 3 : -3} class={side}>
          {(key || 'no label').length > 22 ? `${(key || 'no label').slice(0, 21)}…` : key || 'no label'}
        </text>
        {isCrowded ? null : (
          <text x={off} y={11} class={`${side} sub`}>
            {online} / {nodes}
          </text>
        )}
      </g>
    </g>
  )
}

export function MapDrawing({ chosen, found, links, onChoose, onEnter, topology }: DrawingProps) {
  const [hovered, setHovered] = useState<TopologyLink | undefined>(undefined)
  const spots = useMemo(() => placeSpots(topology.spots), [topology])
  const placed = new Map(spots.map((spot) => [spot.key, spot]))
  const between = links.filter(({ a, b }) => a !== b)
  const told = hovered ?? chosen
  return (
    <Card title="Paths" id="paths" aside={<span class="count">{countText(spots.length, 'spot')}</span>}>
      <svg
        class="map"
        viewBox={`${-SIZE / 2} ${-SIZE / 2.2} ${SIZE} ${SIZE / 1.1}`}
        role="group"
        aria-label="Map of paths"
      >
        {between.map((link) => {
          const [a, b] = [placed.get(link.a), placed.get(link.b)]
          if (a === undefined || b === undefined) return null
          const isChosen = chosen?.a === link.a && chosen.b === link.b
          const isFaint = hovered !== undefined && hovered !== link
          return (
            <Line
              key={`${link.a}\0${link.b}`}
              link={link}
              ends={[a, b]}
              isChosen={isChosen}
              isFaint={isFaint}
              onChoose={onChoose}
              onHover={setHovered}
            />
          )
        })}
        {spots.map((spot) => (
          <SpotMark
            key={spot.key}
            spot={spot}
            inside={links.find(({ a, b }) => a === spot.key && b === spot.key)}
            isFaint={found !== undefined && !found.has(spot.key)}
            room={(2 * Math.PI * REACH) / Math.max(1, spots.length)}
            onEnter={onEnter}
          />
        ))}
      </svg>
      <p class="hint" role="status">
        {told === undefined
          ? 'Hover a line for its figures, choose it for the why; choose a spot to look into it.'
          : linkText(told)}
      </p>
      <ul class="legend">
        {LEGEND.map((kind) => (
          <li key={kind}>
            <span class={`swatch line path-${kind}`} aria-hidden="true" />
            {kind === 'none' ? 'Not reached' : pathTitles[kind]}
          </li>
        ))}
      </ul>
      {topology.more > 0 ? (
        <p class="hint">{topology.more} more have no room: choose a label with fewer values.</p>
      ) : null}
    </Card>
  )
}
