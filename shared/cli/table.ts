// Tables for people: columns as wide as they need, no lines, nothing cut; colour only where it is asked for.

export type Tone = 'good' | 'warn' | 'bad' | 'dim'

export interface Cell {
  readonly text: string
  readonly tone?: Tone
}

const SGR = { good: 32, warn: 33, bad: 31, dim: 2 } as const

/** Colours `text` where `on`, by ECMA-48 SGR. */
function tint(text: string, tone: Tone | undefined, on: boolean): string {
  return tone === undefined || !on ? text : `\u001B[${SGR[tone]}m${text}\u001B[0m`
}

/** Rows under upper-case headings, one line each. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly (string | Cell)[])[],
  color = false,
): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'string' ? { text: cell } : cell)))
  const widths = headings.map((heading, i) => Math.max(heading.length, ...cells.map((row) => row[i]?.text.length ?? 0)))
  const line = (row: readonly Cell[]): string =>
    row
      .map((cell, i) => {
        const pad = i === row.length - 1 ? '' : ' '.repeat((widths[i] ?? 0) - cell.text.length)
        return `${tint(cell.text, cell.tone, color)}${pad}`
      })
      .join('  ')
      .trimEnd()
  return `${[line(headings.map((heading) => ({ text: heading.toUpperCase(), tone: 'dim' as const }))), ...cells.map(line)].join('\n')}\n`
}
