// What stands above the map: a search, what puts nodes together, and the labels it is narrowed to.

import { useMemo, useState } from 'preact/hooks'
import { topologyLabelsMax } from '../../../shared/dashboard-limits.ts'
import type { Topology } from '../../fleet/topology.ts'
import { labelsOf, type MapView } from '../model/map-view.ts'
import { roster } from '../store.ts'
import { Icon } from '../view/icon.tsx'

/** Labels that are offered; any other can be typed. */
const OFFERED_MAX = 400

interface ToolsProps {
  readonly topology: Topology
  readonly view: MapView
  readonly onView: (view: MapView) => void
  readonly search: string
  readonly onSearch: (search: string) => void
}

function LabelField({ onView, view }: Pick<ToolsProps, 'onView' | 'view'>) {
  const [typed, setTyped] = useState('')
  const known = useMemo(() => labelsOf(roster.value?.items ?? []), [roster.value])
  const isKnown = useMemo(() => new Set(known), [known])
  const add = (label: string): void => {
    setTyped('')
    if (!view.labels.includes(label)) onView({ ...view, labels: [...view.labels, label].slice(-topologyLabelsMax) })
  }
  const isWrong = typed.includes('=') && !known.some((label) => label.startsWith(typed))
  return (
    <form
      class="choice"
      onSubmit={(event) => {
        event.preventDefault()
        if (isKnown.has(typed)) add(typed)
      }}
    >
      <label class="choice">
        Only with label
        <input
          type="text"
          list="map-labels"
          placeholder="site=kiel"
          value={typed}
          maxLength={400}
          aria-invalid={isWrong}
          onInput={(event) => {
            const { value } = event.currentTarget
            // One that was picked from the list is meant at once; typing goes on.
            const isPicked = !(event instanceof InputEvent) || event.inputType === 'insertReplacementText'
            if (isPicked && isKnown.has(value)) add(value)
            else setTyped(value)
          }}
        />
      </label>
      <datalist id="map-labels">
        {known.slice(0, OFFERED_MAX).map((label) => (
          <option key={label} value={label} />
        ))}
      </datalist>
      <small role="status">{isWrong ? 'No node has this label.' : ''}</small>
    </form>
  )
}

function Chosen({ onView, view }: Pick<ToolsProps, 'onView' | 'view'>) {
  if (view.labels.length === 0) return null
  return (
    <div class="chips" role="group" aria-label="Only with these labels">
      {view.labels.map((label) => (
        <button
          key={label}
          type="button"
          class="chip"
          aria-label={`Take away ${label}`}
          onClick={() => onView({ ...view, labels: view.labels.filter((one) => one !== label) })}
        >
          {label}
          <Icon name="close" />
        </button>
      ))}
    </div>
  )
}

export function MapTools({ onSearch, onView, search, topology: { by, each, keys, within }, view }: ToolsProps) {
  return (
    <>
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
          <select
            value={each === true ? '' : by}
            onChange={(event) => {
              const { value } = event.currentTarget
              const isEach = value === ''
              onView({ ...view, by: isEach ? by : value, within: undefined, each: isEach })
            }}
          >
            {keys.map((key) => (
              <option key={key}>{key}</option>
            ))}
            <option value="">nothing: node by node</option>
          </select>
        </label>
        <LabelField view={view} onView={onView} />
        {within === undefined ? null : (
          <button type="button" class="button" onClick={() => onView({ ...view, within: undefined })}>
            <Icon name="back" />
            All of {by}
          </button>
        )}
      </div>
      <Chosen view={view} onView={onView} />
    </>
  )
}
