// `holdfast flows`: who talked with whom through the mesh, and by which rule. Without an agent it reads the record itself.

import { flowColumns, flowRow, lossText } from '../../shared/cli/flows-text.ts'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { renderTable } from '../../shared/cli/table.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { type FlowQuery, type FlowsAnswer, queryFlows } from '../../shared/flows/query.ts'
import { flowsShownMax } from '../../shared/limits.ts'
import { createLocalClient } from '../local/client.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { orRecord, sinceMsOf } from './record.ts'

/** How often `-f` asks; each time the kernel is looked at. */
const FOLLOW_MS = 2_000
const SINCE = '1h'

function queryOf(cli: Cli): FlowQuery {
  const word = textFlag(cli.flags, 'limit') ?? '1000'
  const limit = Number(word)
  if (!Number.isInteger(limit) || limit < 1 || limit > flowsShownMax)
    throw new HoldfastError('usage', `--limit ${word} is not a number from 1 to ${flowsShownMax}`)
  const [denied, peer] = [switchFlag(cli.flags, 'denied'), textFlag(cli.flags, 'peer')]
  return { sinceMs: sinceMsOf(cli, SINCE), afterSeq: 0, denied, peer, limit }
}

function show(cli: Cli, { items, lostBefore, more }: FlowsAnswer, limit: number): void {
  if (more) cli.note(`there are older ones: these are the newest ${limit}, --limit shows more`)
  for (const loss of lostBefore) cli.note(lossText(loss))
  if (items.length > 0) cli.write(renderTable(flowColumns, items.map(flowRow), switchFlag(cli.flags, 'color')))
}

/** One line, or one document, for each flow as it goes on record. */
async function follow(cli: Cli, first: FlowQuery): Promise<number> {
  const client = createLocalClient(cli.files.socket)
  const asked = cli.stopRequested().then(() => 'stopped' as const)
  for (let query = first; ; ) {
    const answer = await client.flows(query)
    if (cli.json) for (const flow of answer.items) cli.write(`${JSON.stringify(flow)}\n`)
    else if (answer.items.length > 0 || answer.lostBefore.length > 0) show(cli, answer, query.limit)
    query = { ...query, sinceMs: 0, afterSeq: Math.max(query.afterSeq, answer.newest) }
    const pause = Promise.withResolvers<'go on'>()
    const timer = cli.clock.after(FOLLOW_MS, () => pause.resolve('go on'))
    if ((await Promise.race([asked, pause.promise])) === 'stopped') {
      timer.cancel()
      return 0
    }
  }
}

async function check(cli: Cli): Promise<number> {
  const client = createLocalClient(cli.files.socket)
  const { fault } = await orRecord(
    cli,
    () => client.flowFault(),
    (ledger) => ({ fault: ledger.fault() }),
  )
  if (cli.json) writeJson(cli, { whole: fault === undefined, ...(fault === undefined ? {} : { fault }) })
  else
    cli.write(
      fault === undefined
        ? 'the record is whole, and is what this device signed\n'
        : `the record is not whole: ${fault}\n`,
    )
  return fault === undefined ? 0 : 1
}

export const flowsCommand: Command = async (cli) => {
  if (switchFlag(cli.flags, 'verify')) return await check(cli)
  const query = queryOf(cli)
  if (switchFlag(cli.flags, 'follow')) return await follow(cli, query)
  const answer = await orRecord(
    cli,
    () => createLocalClient(cli.files.socket).flows(query),
    (ledger) => queryFlows(ledger, query),
  )
  if (cli.json) writeJson(cli, answer)
  else if (answer.items.length > 0 || answer.lostBefore.length > 0) show(cli, answer, query.limit)
  else cli.note('no such flow is on record')
  return 0
}
