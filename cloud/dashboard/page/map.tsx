// The topology: sites and the paths between them, drawn by kind and quality; a site looked into; and for each link what both ends
// of each pair say. The table beside it says the same.

import { useMemo, useState } from 'preact/hooks'
import type { Half, Topology, TopologyLink } from '../../fleet/topology.ts'
import { pathTitles } from '../model/device.ts'
import { mainKind, pairsOf, qualityOf } from '../model/map-layout.ts'
import { href, nodeHref } from '../model/route.ts'
import { countText, rttText, spanText } from '../model/words.ts'
import { now } from '../store.ts'
import { Icon } from '../view/icon.tsx'
import { Busy, Card, Empty, Trouble } from '../view/parts.tsx'
import { useLoad } from '../view/use-load.ts'
import { MapDrawing } from './map-drawing.tsx'

function nameOf(key: string): string {
  return key === '' ? 'no label' : key
}

function pathsText({ paths }: TopologyLink): string {
  return (['none', 'tls', 'relay', 'direct', 'lan'] as const)
    .filter((kind) => (paths[kind] ?? 0) > 0)
    .map((kind) => `${paths[kind]} ${pathTitles[kind]}`)
    .join(', ')
}

function halfText({ at, endpoint, handshakeAgeS, health, path, rttUs, state, via }: Half): string {
  const parts = [
    path === 'none' ? 'no path' : `${pathTitles[path]}${via === undefined ? '' : ` via ${via}`}, ${rttText(rttUs)}`,
    endpoint === undefined ? 'no endpoint' : `at ${endpoint}`,
    handshakeAgeS === undefined ? 'no handshake yet' : `handshake ${spanText(handshakeAgeS * 1_000)} before`,
    ...health,
  ]
  return `${parts.join('; ')}${state === 'online' ? '' : `; said ${spanText(now.value - at)} ago, before it left`}`
}

interface WhyProps {
  readonly link: TopologyLink
  readonly topology: Topology
}

function Why({ link, topology: { by, within } }: WhyProps) {
  const { a, b } = link
  const query = new URLSearchParams({ by, a, b, ...(within === undefined ? {} : { within }) }).toString()
  const { error, value } = useLoad<{ items: readonly Half[] }>(`/api/v1/topology/pairs?${query}`, link)
  return (
    <Card title={a === b ? `Within ${nameOf(a)}` : `${nameOf(a)} – ${nameOf(b)}`} id="why">
      <p aria-live="polite">
        {pathsText(link)}, {rttText(link.rttUs)} at the median.
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
  )
}

interface LinksProps {
  readonly links: readonly TopologyLink[]
  readonly onChoose: (link: TopologyLink) => void
}

function Links({ links, onChoose }: LinksProps) {
  const rank = { bad: 0, poor: 1, good: 2 } as const
  const sorted = links.toSorted((x, y) => rank[qualityOf(x)] - rank[qualityOf(y)] || (y.rttUs ?? 0) - (x.rttUs ?? 0))
  return (
    <Card
      title="The same as a table"
      id="map-table"
      aside={<span class="count">{countText(links.length, 'link')}</span>}
    >
      <div class="scroll tall" role="region" aria-labelledby="map-table" tabIndex={0}>
        <table class="table plain">
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">Paths</th>
              <th scope="col" class="figure">
                Pairs
              </th>
              <th scope="col" class="figure">
                Round trip
              </th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((link) => (
              <tr key={`${link.a}\0${link.b}`}>
                <td>{nameOf(link.a)}</td>
                <td>{nameOf(link.b)}</td>
                <td>
                  <span class={`pill path-${mainKind(link)}`}>{pathTitles[mainKind(link)]}</span>{' '}
                  <small>{pathsText(link)}</small>
                </td>
                <td class="figure">{pairsOf(link)}</td>
                <td class="figure">{rttText(link.rttUs)}</td>
                <td>
                  <button type="button" class="button small" onClick={() => onChoose(link)}>
                    Why
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  )
}

interface ToolsProps {
  readonly topology: Topology
  readonly search: string
  readonly onSearch: (search: string) => void
  readonly onBy: (by: string) => void
  readonly onWithin: (within: string | undefined) => void
}

function Tools({ onBy, onSearch, onWithin, search, topology: { by, keys, within } }: ToolsProps) {
  return (
    <div class="tools">
      <label class="search">
        <Icon name="search" />
        <span class="unseen">Search the map</span>
        <input
          type="search"
          placeholder="Site or node"
          value={search}
          onInput={(event) => onSearch(event.currentTarget.value)}
        />
      </label>
      <label class="choice">
        Together by
        <select value={by} onChange={(event) => onBy(event.currentTarget.value)}>
          {keys.map((key) => (
            <option key={key}>{key}</option>
          ))}
        </select>
      </label>
      {within === undefined ? null : (
        <button type="button" class="button" onClick={() => onWithin(undefined)}>
          <Icon name="back" />
          All of {by}
        </button>
      )}
    </div>
  )
}

export function MapPage() {
  const [by, setBy] = useState<string | undefined>(undefined)
  const [within, setWithin] = useState<string | undefined>(undefined)
  const [search, setSearch] = useState('')
  const [at, setAt] = useState<string | undefined>(undefined)
  const asked = { ...(by === undefined ? {} : { by }), ...(within === undefined ? {} : { within }) }
  const query = new URLSearchParams(asked).toString()
  const { error, value: topology } = useLoad<Topology>(`/api/v1/topology?${query}`, Math.floor(now.value / 10_000))
  const found = useMemo(() => {
    const words = search.trim().toLowerCase()
    if (topology === undefined || words === '') return undefined
    return new Set(topology.spots.filter(({ key }) => key.toLowerCase().includes(words)).map(({ key }) => key))
  }, [topology, search])
  if (topology === undefined) {
    return error === undefined ? (
      <Busy what="Drawing the map" />
    ) : (
      <Trouble title={error.message} remedy={error.remedy} />
    )
  }
  const links = topology.links.filter(({ a, b }) => found === undefined || found.has(a) || found.has(b))
  const chosen = links.find(({ a, b }) => `${a}\0${b}` === at)
  const choose = ({ a, b }: TopologyLink): void => setAt(`${a}\0${b}`)
  const enter = (key: string): void => {
    setAt(undefined)
    if (within === undefined) setWithin(key)
    else location.hash = nodeHref(key)
  }
  return (
    <>
      <h1>
        Map <small>{within === undefined ? `by ${topology.by}` : `${topology.by} ${nameOf(within)}`}</small>
      </h1>
      <Tools topology={topology} search={search} onSearch={setSearch} onBy={setBy} onWithin={setWithin} />
      {topology.spots.length === 0 ? (
        <Empty>
          No nodes yet: make a token under <a href={href('join')}>Join</a>.
        </Empty>
      ) : (
        <div class="columns">
          <div class="column wide">
            <MapDrawing
              topology={topology}
              links={links}
              found={found}
              chosen={chosen}
              onChoose={choose}
              onEnter={enter}
            />
            <Links links={links} onChoose={choose} />
          </div>
          {chosen === undefined ? (
            <Card title="Why" id="why">
              <Empty>Choose a line: both ends of each pair behind it say how they reach each other.</Empty>
            </Card>
          ) : (
            <Why link={chosen} topology={topology} />
          )}
        </div>
      )}
    </>
  )
}
