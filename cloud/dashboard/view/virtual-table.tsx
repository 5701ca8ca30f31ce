// A table of thousands of rows, of which the browser holds a screenful. Rows keep one height; what is above and below is empty
// space, and who reads by ear is told how many rows there are.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { windowOf } from '../model/node-table.ts'

export interface ColumnOf<Row, Key extends string> {
  readonly key: Key
  readonly title: string
  /** Class of its cells: how wide, and on which screens. */
  readonly class: string
  readonly sorts: boolean
  readonly cell: (row: Row) => ComponentChildren
}

interface VirtualTableProps<Row, Key extends string> {
  readonly label: string
  readonly rows: readonly Row[]
  readonly columns: readonly ColumnOf<Row, Key>[]
  readonly keyOf: (row: Row) => string
  readonly order: { readonly by: Key; readonly descending: boolean }
  readonly onSort: (by: Key) => void
  readonly empty: string
}

/** Pixels; the style sheet has the same. */
const ROW_HEIGHT = 44
/** On the narrowest screen: a cell that spans more makes columns of its own there. */
const LEAST_COLUMNS = 3

interface HeadProps<Row, Key extends string>
  extends Pick<VirtualTableProps<Row, Key>, 'columns' | 'order' | 'onSort'> {}

function Head<Row, Key extends string>({ columns, onSort, order }: HeadProps<Row, Key>) {
  return (
    <thead>
      <tr aria-rowindex={1}>
        {columns.map(({ class: name, key, sorts, title }) => {
          const isBy = order.by === key
          const direction = order.descending ? 'descending' : 'ascending'
          return (
            <th key={key} scope="col" class={name} {...(sorts ? { 'aria-sort': isBy ? direction : 'none' } : {})}>
              {sorts ? (
                <button type="button" onClick={() => onSort(key)}>
                  {title}
                  <span class={isBy ? `arrow ${direction}` : 'arrow'} aria-hidden="true" />
                </button>
              ) : (
                title
              )}
            </th>
          )
        })}
      </tr>
    </thead>
  )
}

export function VirtualTable<Row, Key extends string>(props: VirtualTableProps<Row, Key>) {
  const { columns, empty, keyOf, label, onSort, order, rows } = props
  const box = useRef<HTMLDivElement>(null)
  const [place, setPlace] = useState({ scrollTop: 0, viewport: 600 })
  useEffect(() => {
    const { current } = box
    if (current === null) return undefined
    const measure = (): void => {
      const { clientHeight: viewport, scrollTop } = current
      setPlace((held) => (held.scrollTop === scrollTop && held.viewport === viewport ? held : { scrollTop, viewport }))
    }
    const seen = new ResizeObserver(measure)
    seen.observe(current)
    current.addEventListener('scroll', measure, { passive: true })
    return () => {
      seen.disconnect()
      current.removeEventListener('scroll', measure)
    }
  }, [])
  const { above, below, end, first } = windowOf(rows.length, { ...place, rowHeight: ROW_HEIGHT })
  return (
    // Who has no mouse scrolls it by the keyboard.
    <div ref={box} class="table-box" role="region" aria-label={label} tabIndex={0}>
      <table class="table" aria-rowcount={rows.length + 1}>
        <Head columns={columns} order={order} onSort={onSort} />
        <tbody>
          {above > 0 ? (
            <tr class="gap" aria-hidden="true">
              <td style={{ height: `${above}px` }} />
            </tr>
          ) : null}
          {rows.slice(first, end).map((row, at) => (
            <tr key={keyOf(row)} aria-rowindex={first + at + 2}>
              {columns.map(({ cell, class: name, key }) => (
                <td key={key} class={name}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
          {below > 0 ? (
            <tr class="gap" aria-hidden="true">
              <td style={{ height: `${below}px` }} />
            </tr>
          ) : null}
          {rows.length === 0 ? (
            <tr>
              <td class="none" colSpan={LEAST_COLUMNS}>
                {empty}
              </td>
            </tr>
          ) : null}
        </tbody>
      </table>
    </div>
  )
}
