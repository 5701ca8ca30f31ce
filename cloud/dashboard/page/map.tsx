// The topology: sites and the paths between them, drawn by kind and quality; a site looked into; and for each link what both ends
// of each pair say. The table beside it says the same.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Half, Topology, TopologyLink } from '../../fleet/topology.ts'
import { pathTitles } from '../model/device.ts'
import { foundSpots, linkKey } from '../model/link-table.ts'
import { type MapView, topologyQuery, viewOf } from '../model/map-view.ts'
import { href, nodeHref } from '../model/route.ts'
import { rttText, spanText } from '../model/words.ts'
import { now, route } from '../store.ts'
import { Busy, Card, Empty, Trouble } from '../view/parts.tsx'
import { useLoad } from '../view/use-load.ts'
import { MapDrawing } from './map-drawing.tsx'
import { MapLinks, pathsText, spotText } from './map-links.tsx'
import { MapTools } from './map-tools.tsx'

/** How often it is looked at again, milliseconds; a map of thousands of lines not as often. */
const LOOK_MS = 10_000
const LOOK_LARGE_MS = 30_000
const LARGE = 2_000

function halfText({ at, endpoint, handshakeAgeS, health, path, rttUs, state, via }: Half): string {
  const parts = [
    path === 'none' ? 'no path' : `${pathTitles[path]}${via === undefined ? '' : ` via ${via}`}, ${rttText(rttUs)}`,
    endpoint === undefined ? 'no endpoint' : `at ${endpoint}`,
    handshakeAgeS === undefined ? 'no handshake yet' : `handshake ${spanText(handshakeAgeS * 1_000)} before`,
    // Of the node, whatever peer it is about: it says nothing of a pair that meets.
    ...(path === 'none' ? health : health.filter((code) => code !== 'peer-unreachable')),
  ]
  return `${parts.join('; ')}${state === 'online' ? '' : `; said ${spanText(now.value - at)} ago, before it left`}`
}

interface WhyProps {
  readonly link: TopologyLink
  readonly view: MapView
}

function Why({ link, view }: WhyProps) {
  const { a, b } = link
  const query = topologyQuery(view)
  query.set('a', a)
  query.set('b', b)
  const { error, value } = useLoad<{ items: readonly Half[] }>(`/api/v1/topology/pairs?${query.toString()}`, link)
  const top = useRef<HTMLDivElement>(null)
  // On a narrow screen it stands below what was chosen.
  useEffect(() => top.current?.scrollIntoView({ block: 'nearest' }), [a, b])
  return (
    <div ref={top} class="why">
      <Card title={a === b ? `Within ${spotText(a)}` : `${spotText(a)} – ${spotText(b)}`} id="why">
        <p aria-live="polite">
          {pathsText(link)}
          {link.rttUs === undefined ? '' : `, ${rttText(link.rttUs)} at the median`}.
        </p>
        {error === undefined ? null : <Trouble title={error.message} remedy={error.remedy} />}
        <ul class="plain-list halves">
          {(value?.items ?? []).map((half) => (
            <li key={`${half.from} ${half.to}`}>
              <a href={nodeHref(half.from)}>{half.from}</a> → <a href={nodeHref(half.to)}>{half.to}</a>{' '}
              <span class={`pill path-${half.path}`}>{pathTitles[half.path]}</span>
              <small>{halfText(half)}</small>
            </li>
          ))}
        </ul>
      </Card>
    </div>
  )
}

interface ShownProps {
  readonly topology: Topology
  readonly view: MapView
  readonly search: string
  readonly onView: (view: MapView) => void
}

function Shown({ onView, search, topology, view }: ShownProps) {
  const [at, setAt] = useState<string | undefined>(undefined)
  const found = useMemo(() => foundSpots(topology, search), [topology, search])
  const links = useMemo(
    () => topology.links.filter(({ a, b }) => found === undefined || found.has(a) || found.has(b)),
    [topology, found],
  )
  const { by, each, within } = topology
  const chosen = links.find((link) => linkKey(link) === at)
  const choose = (link: TopologyLink): void => setAt(linkKey(link))
  const enter = (key: string): void => {
    if (within === undefined && each === undefined) onView({ ...view, by, within: key })
    else location.hash = nodeHref(key)
  }
  return (
    <div class="columns">
      <div class="column wide">
        <MapDrawing topology={topology} links={links} found={found} chosen={chosen} onChoose={choose} onEnter={enter} />
        <MapLinks links={links} onChoose={choose} />
      </div>
      {chosen === undefined ? (
        <Card title="Why" id="why">
          <Empty>Choose a line: both ends of each pair behind it say how they reach each other.</Empty>
        </Card>
      ) : (
        <Why link={chosen} view={{ ...view, by }} />
      )}
    </div>
  )
}

function titleOf({ by, each, within }: Topology): string {
  if (within !== undefined) return `${by} ${spotText(within)}`
  return each === true ? 'node by node' : `by ${by}`
}

export function MapPage() {
  // What is looked at stands in the address: it can be passed on, and the way back leads through it.
  const view = useMemo(() => viewOf(route.value.query), [route.value])
  const [search, setSearch] = useState('')
  const size = useRef(0)
  const every = size.current > LARGE ? LOOK_LARGE_MS : LOOK_MS
  const query = topologyQuery(view).toString()
  const { error, value: topology } = useLoad<Topology>(`/api/v1/topology?${query}`, Math.floor(now.value / every))
  size.current = topology?.links.length ?? 0
  if (topology === undefined) {
    return error === undefined ? (
      <Busy what="Drawing the map" />
    ) : (
      <Trouble title={error.message} remedy={error.remedy} />
    )
  }
  const turn = (next: MapView): void => {
    location.hash = `#/map?${topologyQuery(next).toString()}`
  }
  return (
    <>
      <h1>
        Map <small>{titleOf(topology)}</small>
      </h1>
      <MapTools topology={topology} view={view} onView={turn} search={search} onSearch={setSearch} />
      {error === undefined ? null : <Trouble title={error.message} remedy={error.remedy} />}
      {topology.spots.length > 0 ? (
        <Shown key={query} topology={topology} view={view} search={search} onView={turn} />
      ) : view.labels.length > 0 ? (
        <Empty>No node has all of these labels. Take one away.</Empty>
      ) : (
        <Empty>
          No nodes yet: make a token under <a href={href('join')}>Join</a>.
        </Empty>
      )}
    </>
  )
}
