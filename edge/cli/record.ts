// The record of flows as commands read it: from the agent, or without one from the file that it has left.

import { fromBase64, utf8 } from '../../shared/bytes.ts'
import { textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseBatch } from '../../shared/flows/batch.ts'
import { createFolder, type Dealings } from '../../shared/flows/dealings.ts'
import type { LedgerEntry } from '../../shared/flows/query.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS } from '../../shared/intent/token.ts'
import { loadKeys } from '../enrol/device-keys.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import type { BatchesAnswer } from '../flows/batches.ts'
import type { FlowLedger } from '../flows/ledger.ts'
import { openLedger } from '../flows/sqlite-ledger.ts'
import { lockState } from '../host/lock.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import type { Cli } from './context.ts'

/** Of `--since`, milliseconds since the Unix epoch. */
export function sinceMsOf(cli: Pick<Cli, 'clock' | 'flags'>, otherwise: string): number {
  const text = textFlag(cli.flags, 'since') ?? otherwise
  try {
    return Math.max(0, cli.clock.now() - 1_000 * durationS(parseWith(duration, text)))
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

export async function orRecord<T>(cli: Cli, ask: () => Promise<T>, read: (ledger: FlowLedger) => T): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!isAgentDown(error)) throw error
    const found = withLedger(cli, read)
    cli.note('the agent is not running; this is what it has left')
    return found
  }
}

/** Hands every batch since then to `take`, the newest first. */
export async function eachBatch(cli: Cli, sinceMs: number, take: (entry: LedgerEntry) => void): Promise<void> {
  const client = createLocalClient(cli.files.socket)
  const first = async (): Promise<BatchesAnswer> => await client.flowBatches({ sinceMs })
  let { entries } = await orRecord(cli, first, (ledger): BatchesAnswer => {
    for (const entry of ledger.newest(0, sinceMs)) take(entry)
    return { entries: [] }
  })
  for (let last = entries.at(-1); last !== undefined; last = entries.at(-1)) {
    for (const { batch, seq } of entries) take({ seq, batch: parseBatch(utf8(batch)) })
    entries = last.seq <= 1 ? [] : (await client.flowBatches({ sinceMs, beforeSeq: last.seq })).entries
  }
}

export async function readDealings(cli: Cli, sinceMs: number): Promise<Dealings> {
  const folder = createFolder()
  await eachBatch(cli, sinceMs, ({ batch, seq }) => folder.add(seq, batch))
  return folder.done()
}
