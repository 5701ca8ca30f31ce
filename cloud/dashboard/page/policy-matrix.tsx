// Who may talk to whom, group by group. A cell that is chosen says what passes there and which rules decide.

import { useState } from 'preact/hooks'
import type { Matrix, MatrixCell, MatrixGroup } from '../../policy/matrix.ts'
import { href } from '../model/route.ts'
import { countText, namesText } from '../model/words.ts'
import { status, written } from '../store.ts'
import { Busy, Card, Empty, Trouble } from '../view/parts.tsx'
import { useLoad } from '../view/use-load.ts'

/** Of one line, by name. */
const VALUES_SHOWN = 2
const SIGNS = { all: '✓', some: '◐', none: '✕', same: '·' } as const
const WORDS = {
  all: 'everything passes',
  some: 'some services pass',
  none: 'nothing passes',
  same: 'one node alone',
} as const

function groupText(value: string): string {
  return value === '' ? 'no label' : value
}

/** Values that fare alike are one line. */
function titleOf({ alike, values }: MatrixGroup): string {
  const names = namesText(values.slice(0, VALUES_SHOWN).map(groupText), VALUES_SHOWN)
  return alike <= VALUES_SHOWN ? names : `${names} and ${(alike - VALUES_SHOWN).toLocaleString('en')} alike`
}

function allText({ alike, values }: MatrixGroup): string {
  return `${values.map(groupText).join(', ')}${alike > values.length ? ' …' : ''}`
}

interface CellProps {
  readonly cell: MatrixCell
  /** What stands for its two groups. */
  readonly ends: string
  readonly chosen: boolean
  readonly onChoose: () => void
}

function Cell({ cell: { mixed, verdict }, chosen, ends, onChoose }: CellProps) {
  const words = `${ends}: ${WORDS[verdict]}${mixed ? ', not alike for all nodes' : ''}`
  return (
    <td class={`cell cell-${verdict}`}>
      <button type="button" aria-label={words} title={words} aria-pressed={chosen} onClick={onChoose}>
        <span aria-hidden="true">{mixed ? '◐' : SIGNS[verdict]}</span>
      </button>
    </td>
  )
}

interface WhyProps {
  readonly cell: MatrixCell
  readonly from: MatrixGroup
  readonly to: MatrixGroup
}

function Why({ cell: { mixed, reasons, services, verdict }, from, to }: WhyProps) {
  return (
    <Card title={`${titleOf(from)} → ${titleOf(to)}`} id="why">
      <p aria-live="polite">
        <strong>{WORDS[verdict]}</strong>
        {mixed ? '; the nodes of a group do not all fare alike' : ''}.
      </p>
      {services.length === 0 ? null : (
        <p class="chips">
          {services.map((service) => (
            <span key={service} class="chip mono">
              {service}
            </span>
          ))}
        </p>
      )}
      {[from, ...(from === to ? [] : [to])]
        .filter(({ alike }) => alike > VALUES_SHOWN)
        .map((group) => (
          <details key={group.value}>
            <summary>
              {countText(group.alike, 'value')} that no policy tells apart: {groupText(group.value)} …
            </summary>
            {allText(group)}
          </details>
        ))}
      {reasons.length === 0 ? (
        <Empty>A node alone is not asked about itself.</Empty>
      ) : (
        <ul class="plain-list">
          {reasons.map(({ policy, text, verdict: said }) => (
            <li key={text}>
              <span class={`pill verdict-${said}`}>{said === 'drop' ? 'Denies' : 'Accepts'}</span> {text}{' '}
              {policy === undefined ? null : <a href={href('policy', { policy })}>Open {policy}</a>}
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

interface GridProps {
  readonly matrix: Matrix
  readonly chosen: MatrixCell | undefined
  readonly onChoose: (cell: MatrixCell) => void
}

function Grid({ chosen, matrix: { by, cells, groups, more }, onChoose }: GridProps) {
  const partly = groups.filter(({ judged, kinds }) => judged < kinds)
  return (
    <Card title={`From (rows) to (columns), by ${by}`} id="matrix" class="grow">
      <div class="scroll" role="region" aria-labelledby="matrix" tabIndex={0}>
        <table class="matrix">
          <thead>
            <tr>
              <td />
              {groups.map((group) => (
                <th key={group.value} scope="col" title={allText(group)}>
                  {titleOf(group)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {groups.map((from, row) => (
              <tr key={from.value}>
                <th scope="row" title={allText(from)}>
                  {titleOf(from)} <small>{countText(from.nodes, 'node')}</small>
                </th>
                {groups.map((to, column) => {
                  const cell = cells[row * groups.length + column]
                  return cell === undefined ? null : (
                    <Cell
                      key={to.value}
                      cell={cell}
                      ends={`${titleOf(from)} to ${titleOf(to)}`}
                      chosen={chosen === cell}
                      onChoose={() => onChoose(cell)}
                    />
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="hint">
        ✓ everything · ◐ some services, or not alike for all · ✕ nothing · a dot: one node alone.{' '}
        {partly.length === 0
          ? 'Every kind of node that policies tell apart is judged.'
          : `Of ${namesText(partly.map(titleOf))} the largest kinds of nodes are judged, not all.`}
        {more > 0 ? ` ${countText(more, 'more group')} not shown: choose a label with fewer values.` : ''}
      </p>
    </Card>
  )
}

export function PolicyMatrix() {
  const networks = status.value?.networks ?? []
  const [network, setNetwork] = useState('')
  const [by, setBy] = useState('')
  const [at, setAt] = useState<{ from: string; to: string } | undefined>(undefined)
  const of = network || networks[0]?.network || 'default'
  const query = new URLSearchParams({ network: of, ...(by === '' ? {} : { by }) }).toString()
  const { Policy = 0, Node = 0 } = written.value
  const { error, value: matrix } = useLoad<Matrix>(`/api/v1/policy/matrix?${query}`, `${Policy} ${Node}`)
  if (matrix === undefined) {
    return error === undefined ? <Busy what="Judging" /> : <Trouble title={error.message} remedy={error.remedy} />
  }
  const chosen = matrix.cells.find(({ from, to }) => from === at?.from && to === at.to)
  const [source, target] = [chosen?.from, chosen?.to].map((value) =>
    matrix.groups.find((group) => group.value === value),
  )
  return (
    <>
      <div class="tools">
        {networks.length < 2 ? null : (
          <label class="choice">
            Network
            <select value={of} onChange={(event) => setNetwork(event.currentTarget.value)}>
              {networks.map((one) => (
                <option key={one.network}>{one.network}</option>
              ))}
            </select>
          </label>
        )}
        <label class="choice">
          Group by label
          <select value={matrix.by} onChange={(event) => setBy(event.currentTarget.value)}>
            {matrix.keys.map((key) => (
              <option key={key}>{key}</option>
            ))}
          </select>
        </label>
      </div>
      {matrix.groups.length === 0 ? (
        <Empty>No nodes in this network yet.</Empty>
      ) : (
        <div class="columns">
          <Grid matrix={matrix} chosen={chosen} onChoose={({ from, to }) => setAt({ from, to })} />
          {chosen === undefined || source === undefined || target === undefined ? (
            <Card title="Why" id="why">
              <Empty>Choose a cell: it says which rule decides.</Empty>
            </Card>
          ) : (
            <Why cell={chosen} from={source} to={target} />
          )}
        </div>
      )}
    </>
  )
}
