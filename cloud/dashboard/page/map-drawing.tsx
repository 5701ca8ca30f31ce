// The map as a picture: spots on rings, links as curves through the middle, coloured by the kind of path and dashed where it is
// poor.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Spot, Topology, TopologyLink } from '../../fleet/topology.ts'
import { pathTitles } from '../model/device.ts'
import { drawnSpots, mainKind, type PlacedSpot, pairsOf, placeSpots, qualityOf } from '../model/map-layout.ts'
import { countText, rttText } from '../model/words.ts'
import { Card } from '../view/parts.tsx'

const LEGEND = ['lan', 'direct', 'relay', 'tls', 'none'] as const

/** Lines that would run into one another. */
const MANY = 150

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
  const kind = mainKind(link)
  return `${link.a || 'no label'} – ${link.b || 'no label'}: ${countText(pairsOf(link), 'pair')}, mostly ${kind === 'none' ? 'not reached' : `${pathTitles[kind]}, ${rttText(link.rttUs)}`}`
}

/** Drawn toward the middle, so that neighbours on the ring are told apart. */
function curve(a: PlacedSpot, b: PlacedSpot): string {
  const [cx, cy] = [(a.x + b.x) * 0.28, (a.y + b.y) * 0.28]
  return `M${a.x.toFixed(1)} ${a.y.toFixed(1)}Q${cx.toFixed(1)} ${cy.toFixed(1)} ${b.x.toFixed(1)} ${b.y.toFixed(1)}`
}

interface LineProps extends Pick<DrawingProps, 'onChoose'> {
  readonly link: TopologyLink
  readonly ends: readonly [PlacedSpot, PlacedSpot]
  readonly isChosen: boolean
  readonly isFaint: boolean
  /** Of its usual width: where there are many lines, or the screen is small. */
  readonly share: number
  readonly onHover: (link: TopologyLink | undefined) => void
}

function Line({ ends: [a, b], isChosen, isFaint, link, onChoose, onHover, share }: LineProps) {
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
      <path d={curve(a, b)} style={{ strokeWidth: share * (1 + Math.min(3.5, Math.log2(1 + pairsOf(link)) * 0.6)) }} />
    </g>
  )
}

interface SpotProps extends Pick<DrawingProps, 'onEnter'> {
  readonly spot: PlacedSpot
  readonly inside: TopologyLink | undefined
  readonly isFaint: boolean
  /** The one that the tabulator leads to; arrows lead on from there. */
  readonly isStop: boolean
  readonly onMove: (step: number) => void
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }

function SpotMark({ inside, isFaint, isStop, onEnter, onMove, spot }: SpotProps) {
  const { isRoomy, key, label, nodes, online, radius, side, tilt, x, y } = spot
  const health = online === nodes ? 'whole' : online === 0 ? 'gone' : 'part'
  const off = side === 'left' ? -radius - 6 : radius + 6
  const title = `${key || 'no label'} ${online} / ${nodes} nodes online`
  const quality = inside === undefined ? 'good' : qualityOf(inside)
  return (
    <g
      class={`spot spot-${health} ${isFaint ? 'faint' : ''}`}
      transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}
      role="button"
      // As it is written: names of attributes in SVG have a case, and `tabIndex` is none.
      tabindex={isStop ? 0 : -1}
      onClick={() => onEnter(key)}
      onKeyDown={(event) => {
        const step = STEPS[event.key]
        if (event.key !== 'Enter' && event.key !== ' ' && step === undefined) return
        event.preventDefault()
        if (step === undefined) onEnter(key)
        else onMove(step)
      }}
    >
      <title>{title}</title>
      <circle r={radius} class={`quality-${quality}`} />
      {label === '' ? null : (
        <g transform={`rotate(${tilt.toFixed(1)})`}>
          <text x={off} y={isRoomy ? -2 : 4} class={side}>
            {label}
          </text>
          {isRoomy ? (
            <text x={off} y={12} class={`${side} sub`}>
              {online} / {nodes}
            </text>
          ) : null}
        </g>
      )}
    </g>
  )
}

/** Width of an element on the screen, pixels. */
function useWidth() {
  const box = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const { current } = box
    if (current === null) return undefined
    const seen = new ResizeObserver(() => setWidth(current.clientWidth))
    seen.observe(current)
    return () => seen.disconnect()
  }, [])
  return { box, width }
}

interface SpotsProps extends Pick<DrawingProps, 'found' | 'links' | 'onEnter'> {
  readonly spots: readonly PlacedSpot[]
}

function Spots({ found, links, onEnter, spots }: SpotsProps) {
  const group = useRef<SVGGElement>(null)
  const [stop, setStop] = useState(0)
  const at = Math.min(stop, Math.max(0, spots.length - 1))
  /** From the one that has the focus: keys may come faster than it is drawn anew. */
  const move = (from: number, step: number): void => {
    const next = (from + step + spots.length) % spots.length
    setStop(next)
    ;(group.current?.children[next] as SVGElement | undefined)?.focus()
  }
  const inside = new Map(links.filter(({ a, b }) => a === b).map((link) => [link.a, link]))
  return (
    <g ref={group}>
      {spots.map((spot, index) => (
        <SpotMark
          key={spot.key}
          spot={spot}
          inside={inside.get(spot.key)}
          isFaint={found !== undefined && !found.has(spot.key)}
          isStop={index === at}
          onMove={(step) => move(index, step)}
          onEnter={onEnter}
        />
      ))}
    </g>
  )
}

export function MapDrawing({ chosen, found, links, onChoose, onEnter, topology }: DrawingProps) {
  const [hovered, setHovered] = useState<TopologyLink | undefined>(undefined)
  const { box, width: screen } = useWidth()
  const drawn = useMemo(() => drawnSpots(topology), [topology])
  const { height, spots, width } = useMemo(() => {
    const isTold = ({ key, nodes, online }: Spot): boolean => found?.has(key) ?? online < nodes
    return placeSpots(drawn, screen, isTold)
  }, [drawn, screen, found])
  const placed = new Map(spots.map((spot) => [spot.key, spot]))
  const share = Math.min(1, width / 600) * (links.length > MANY ? 0.5 : 1)
  const told = hovered ?? chosen
  const left = topology.spots.length - drawn.length
  return (
    <Card title="Paths" id="paths" aside={<span class="count">{countText(topology.spots.length, 'spot')}</span>}>
      <div ref={box} class="map-box">
        {screen === 0 ? null : (
          <svg
            class="map"
            width={width}
            height={height}
            viewBox={`${-width / 2} ${-height / 2} ${width} ${height}`}
            role="group"
            aria-label="Map of paths; arrow keys lead from spot to spot"
          >
            {links.map((link) => {
              const [a, b] = [placed.get(link.a), placed.get(link.b)]
              if (a === undefined || b === undefined || a === b) return null
              const isChosen = chosen?.a === link.a && chosen.b === link.b
              const isFaint = hovered !== undefined && hovered !== link
              return (
                <Line
                  key={`${link.a}\0${link.b}`}
                  link={link}
                  ends={[a, b]}
                  isChosen={isChosen}
                  isFaint={isFaint}
                  share={share}
                  onChoose={onChoose}
                  onHover={setHovered}
                />
              )
            })}
            <Spots spots={spots} links={links} found={found} onEnter={onEnter} />
          </svg>
        )}
      </div>
      <p class="hint" role="status">
        {told === undefined
          ? 'Choose a line, or Why in the table, to see what both ends say; choose a spot to look into it.'
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
      {left > 0 ? (
        <p class="hint">
          {countText(left, 'more spot')} in the table alone: what is drawn are the largest and those in trouble. Choose
          labels to see others.
        </p>
      ) : null}
      {topology.more > 0 ? (
        <p class="hint">{topology.more.toLocaleString('en')} more have no room: choose a label.</p>
      ) : null}
    </Card>
  )
}
