// flows: what devices have on record, as the hub has it, in the table that people know from the devices.

import { flowColumns, flowRow, lossText } from '../../shared/cli/flows-text.ts'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { renderTable } from '../../shared/cli/table.ts'
import type { FleetFlows, FleetLoss } from '../flows/fleet-flows.ts'
import { argument, type Command, type Context, outputOf, printJson } from './context.ts'
import { hubbleLine } from './hubble-text.ts'

/** How often `-f` asks; devices bring what they have each half minute. */
const FOLLOW_MS = 2_000

function pathOf({ flags }: Context, after: number): string {
  const words = new URLSearchParams()
  for (const name of ['node', 'peer', 'since', 'limit'] as const) {
    const word = textFlag(flags, name)
    if (word !== undefined) words.set(name, word)
  }
  if (switchFlag(flags, 'denied')) words.set('denied', 'true')
  if (after > 0) words.set('after', String(after))
  return `/api/v1/flows?${words.toString()}`
}

function lossLine(loss: FleetLoss): string {
  if (loss.why !== 'never-came') return `${loss.node}: ${lossText(loss)}`
  const { first, last, node } = loss
  return `${node}: batches ${first} to ${last} of its record are not here: it had let go of them before it could bring them`
}

function show(context: Context, { items, ledgers, lostBefore, next }: FleetFlows): void {
  const { color, err, flags, out } = context
  if (next !== undefined) err(`there are older ones: --limit shows more than ${textFlag(flags, 'limit') ?? ''}\n`)
  for (const { fault, node } of ledgers) {
    if (fault !== undefined)
      err(`${node}: its record is refused, ${fault}; see \`holdfast-hub explain node ${node}\`\n`)
  }
  for (const loss of lostBefore) err(`${lossLine(loss)}\n`)
  const rows = items.map((flow) => [flow.node, ...flowRow(flow)])
  if (rows.length > 0) out(renderTable(['BY', ...flowColumns], rows, color))
}

function pause({ clock, signal }: Context): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = clock.after(FOLLOW_MS, resolve)
  signal?.addEventListener('abort', () => {
    timer.cancel()
    resolve()
  })
  return promise
}

export const flows: Command = async (context) => {
  const { flags, out, signal } = context
  const output = outputOf(context)
  const lines = ({ items }: FleetFlows): void => {
    for (const flow of items) out(`${hubbleLine(flow)}\n`)
  }
  const client = context.client()
  let answer = await client.get<FleetFlows>(pathOf(context, 0))
  if (!switchFlag(flags, 'follow')) {
    if (output === 'json') printJson(context, answer)
    else if (output === 'hubble') lines(answer)
    else show(context, answer)
    if (output !== 'json' && answer.items.length === 0 && answer.lostBefore.length === 0)
      context.err('no such flow is on record\n')
    return
  }
  for (let newest = 0; ; ) {
    if (output === 'json') for (const flow of answer.items) out(`${JSON.stringify(flow)}\n`)
    else if (output === 'hubble') lines(answer)
    else show(context, answer)
    newest = Math.max(newest, answer.newest)
    await pause(context)
    if (signal?.aborted === true) return
    answer = await client.get<FleetFlows>(pathOf(context, newest))
  }
}

export const flowsAccept: Command = async (context) => {
  const { name } = await context
    .client()
    .send<{ readonly name: string }>('POST', `/api/v1/flows/${encodeURIComponent(argument(context, 0))}/accept`)
  context.out(`The hub goes on with what ${name} has on record, within the hour.\n`)
}
