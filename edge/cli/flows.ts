// `holdfast flows`: who talked with whom through the mesh, and by which rule. Without an agent it reads the record itself.

import { fromBase64 } from '../../shared/bytes.ts'
import { flowColumns, flowRow, lossText } from '../../shared/cli/flows-text.ts'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { renderTable } from '../../shared/cli/table.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { type FlowQuery, type FlowsAnswer, queryFlows } from '../../shared/flows/query.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS } from '../../shared/intent/token.ts'
import { flowsShownMax } from '../../shared/limits.ts'
import { loadKeys } from '../enrol/device-keys.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import type { FlowLedger } from '../flows/ledger.ts'
import { openLedger } from '../flows/sqlite-ledger.ts'
import { lockState } from '../host/lock.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import { type Cli, type Command, writeJson } from './context.ts'

/** How often `-f` asks; each time the kernel is looked at. */
const FOLLOW_MS = 2_000
const SINCE = '1h'

function queryOf(cli: Cli): FlowQuery {
  const text = textFlag(cli.flags, 'since') ?? SINCE
  const word = textFlag(cli.flags, 'limit') ?? '1000'
  const limit = Number(word)
  if (!Number.isInteger(limit) || limit < 1 || limit > flowsShownMax)
    throw new HoldfastError('usage', `--limit ${word} is not a number from 1 to ${flowsShownMax}`)
  try {
    const sinceMs = Math.max(0, cli.clock.now() - 1_000 * durationS(parseWith(duration, text)))
    return { sinceMs, afterSeq: 0, denied: switchFlag(cli.flags, 'denied'), peer: textFlag(cli.flags, 'peer'), limit }
  } catch (cause) {
    throw new HoldfastError('usage', `--since ${text} is not a time`, {
      remedy: 'Write it like 90s, 20m, 4h or 7d.',
      cause,
    })
  }
}

/** The record of an agent that is not running. */
function withLedger<T>(cli: Cli, read: (ledger: FlowLedger) => T): T {
  const { files, log } = cli
  const [identity, keys] = [loadIdentity(files), loadKeys(files)]
  if (identity === undefined || keys === undefined || !cli.probe.exists(files.flows)) {
    throw new HoldfastError('not-found', 'there is no record of flows', {
      remedy: 'Start the agent: systemctl start holdfast',
    })
  }
  const lock = lockState(files.lock, log)
  try {
    const of = { network: identity.network.id, node: identity.nodeId, signer: keys.signer, sha256, verify }
    const known = (): readonly Uint8Array[] => keys.deviceKeys.map(fromBase64)
    const { ledger } = openLedger(files.flows, { ...of, keys: known, clock: cli.clock, log, look: true })
    try {
      return read(ledger)
    } finally {
      ledger.close()
    }
  } finally {
    lock.release()
  }
}

async function orCached<T>(cli: Cli, ask: () => Promise<T>, read: (ledger: FlowLedger) => T): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!isAgentDown(error)) throw error
    const found = withLedger(cli, read)
    cli.note('the agent is not running; this is what it has left')
    return found
  }
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
  const { fault } = await orCached(
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
  const answer = await orCached(
    cli,
    () => createLocalClient(cli.files.socket).flows(query),
    (ledger) => queryFlows(ledger, query),
  )
  if (cli.json) writeJson(cli, answer)
  else if (answer.items.length > 0 || answer.lostBefore.length > 0) show(cli, answer, query.limit)
  else cli.note('no such flow is on record')
  return 0
}
