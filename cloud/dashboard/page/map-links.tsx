// The map as a table: what it draws, for who reads better than looks, and for more links than a drawing holds.

import { useMemo, useState } from 'preact/hooks'
import type { TopologyLink } from '../../fleet/topology.ts'
import { clock } from '../app.ts'
import { csvText } from '../model/csv.ts'
import { pathTitles } from '../model/device.ts'
import { type LinkColumn, type LinkOrder, linkKey, linksCsv, sortLinks } from '../model/link-table.ts'
import { mainKind, pairsOf } from '../model/map-layout.ts'
import { countText, rttText } from '../model/words.ts'
import { download } from '../view/download.ts'
import { Icon } from '../view/icon.tsx'
import { Card } from '../view/parts.tsx'
import { type ColumnOf, VirtualTable } from '../view/virtual-table.tsx'

export function spotText(key: string): string {
  return key === '' ? 'no label' : key
}

export function pathsText({ paths }: TopologyLink): string {
  return (['none', 'tls', 'relay', 'direct', 'lan'] as const)
    .filter((kind) => (paths[kind] ?? 0) > 0)
    .map((kind) => `${paths[kind]} ${kind === 'none' ? 'not reached' : pathTitles[kind]}`)
    .join(', ')
}

type Key = LinkColumn | 'why'

function columnsOf(onChoose: (link: TopologyLink) => void): readonly ColumnOf<TopologyLink, Key>[] {
  return [
    { key: 'a', title: 'From', class: 'w-end', sorts: true, cell: ({ a }) => spotText(a) },
    { key: 'b', title: 'To', class: 'w-end', sorts: true, cell: ({ b }) => spotText(b) },
    {
      key: 'path',
      title: 'Paths',
      class: 'w-paths',
      sorts: true,
      cell: (link) => (
        <>
          <span class={`pill path-${mainKind(link)}`}>{pathTitles[mainKind(link)]}</span>{' '}
          <small class="medium-only">{pathsText(link)}</small>
        </>
      ),
    },
    { key: 'pairs', title: 'Pairs', class: 'w-short figure medium-only', sorts: true, cell: (link) => pairsOf(link) },
    {
      key: 'rtt',
      title: 'Round trip',
      class: 'w-figure figure medium-only',
      sorts: true,
      cell: ({ rttUs }) => rttText(rttUs),
    },
    {
      key: 'why',
      title: 'Why',
      class: 'w-why',
      sorts: false,
      cell: (link) => (
        <button
          type="button"
          class="button small"
          aria-label={`Why ${spotText(link.a)} – ${spotText(link.b)}`}
          onClick={() => onChoose(link)}
        >
          Why
        </button>
      ),
    },
  ]
}

interface LinksProps {
  readonly links: readonly TopologyLink[]
  readonly onChoose: (link: TopologyLink) => void
}

export function MapLinks({ links, onChoose }: LinksProps) {
  // The worst first.
  const [order, setOrder] = useState<LinkOrder>({ by: 'path', descending: false })
  const sorted = useMemo(() => sortLinks(links, order), [links, order])
  return (
    <Card
      title="The same as a table"
      id="map-table"
      aside={
        <span class="count">
          {countText(links.length, 'link')}{' '}
          <button
            type="button"
            class="button small"
            aria-label="CSV of the links"
            onClick={() => {
              const day = new Date(clock.now()).toLocaleDateString('en-CA')
              download(`map-${day}.csv`, 'text/csv', csvText(linksCsv(sorted)))
            }}
          >
            <Icon name="download" />
            CSV
          </button>
        </span>
      }
    >
      <VirtualTable<TopologyLink, Key>
        label="Links"
        rows={sorted}
        columns={columnsOf(onChoose)}
        keyOf={linkKey}
        order={order}
        onSort={(by) => {
          if (by !== 'why') setOrder({ by, descending: order.by === by && !order.descending })
        }}
        empty="No path is reported between these."
      />
    </Card>
  )
}
