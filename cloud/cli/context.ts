// What a command is given: its words, the hub, and where to print.

import { type Invocation, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { renderTable } from '../../shared/cli/table.ts'
import type { Clock, Entropy } from '../../shared/effects.ts'
import { formatYaml } from '../../shared/intent/yaml.ts'
import type { Client } from './client.ts'
import type { TableOf } from './columns.ts'

export interface Context extends Invocation {
  readonly client: () => Client
  readonly clock: Clock
  readonly entropy: Entropy
  readonly color: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: (text: string) => void
  /** To standard error: words beside what was asked for. */
  readonly err: (text: string) => void
  /** Ends what would go on for ever. */
  readonly signal?: AbortSignal | undefined
  readonly readInput: () => Promise<string>
}

export type Command = (context: Context) => Promise<void>

export function outputOf({ flags }: Pick<Context, 'flags'>): string {
  return switchFlag(flags, 'json') ? 'json' : (textFlag(flags, 'output') ?? 'table')
}

export function printJson({ out }: Context, value: unknown): void {
  out(`${JSON.stringify(value, undefined, 2)}\n`)
}

export function printTable({ color, out }: Context, table: TableOf, nothing: string): void {
  out(table.rows.length === 0 ? `${nothing}\n` : renderTable(table.headings, table.rows, color))
}

/** As YAML: a stream of documents, ready for `apply`. */
export function printYaml({ out }: Context, items: readonly unknown[]): void {
  out(items.map((item) => formatYaml(item)).join('---\n'))
}

export function argument(context: Context, index: number): string {
  return context.args[index] ?? ''
}
