// A table of what is on record. On a phone each row is a card that says which column each of its words is of: nothing is cut, and
// nobody scrolls to the side. Roles are spelled out, for a table that is laid out otherwise is none to some browsers.

import { type ComponentChildren, Fragment } from 'preact'

export interface RecordColumn<Row> {
  readonly title: string
  /** Class of its cells. */
  readonly class?: string
  readonly cell: (row: Row) => ComponentChildren
}

interface RecordTableProps<Row> {
  /** Id of the heading that names it. */
  readonly labelledBy: string
  readonly rows: readonly Row[]
  readonly columns: readonly RecordColumn<Row>[]
  readonly keyOf: (row: Row) => string | number
  /** What stands below a row that is open. */
  readonly below?: (row: Row) => ComponentChildren | undefined
}

export function RecordTable<Row>({ below, columns, keyOf, labelledBy, rows }: RecordTableProps<Row>) {
  return (
    <div class="scroll" role="region" aria-labelledby={labelledBy} tabIndex={0}>
      <table class="table plain record" role="table">
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ class: name, title }) => (
              <th key={title} scope="col" role="columnheader" class={name}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => {
            const more = below?.(row)
            return (
              <Fragment key={keyOf(row)}>
                <tr role="row">
                  {columns.map(({ cell, class: name, title }) => (
                    <td key={title} role="cell" class={name} data-title={title}>
                      <span>{cell(row)}</span>
                    </td>
                  ))}
                </tr>
                {more === undefined ? null : (
                  <tr role="row" class="below">
                    <td role="cell" colSpan={columns.length}>
                      {more}
                    </td>
                  </tr>
                )}
              </Fragment>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
