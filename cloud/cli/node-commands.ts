// node: commands to one device, given through the hub and waited for.

import { isPeerAnswering, resultTable } from '../../shared/cli/command-result.ts'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { type ErrorCode, HoldfastError } from '../../shared/errors.ts'
import { writeAtomic } from '../../shared/host/files.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS } from '../../shared/intent/token.ts'
import type { CommandKind } from '../../shared/wire/command.ts'
import type { NodeCommand } from '../commands/asked.ts'
import { argument, type Command, type Context, printJson, printTable } from './context.ts'

/** A device on LTE answers within a second or two; nobody notices a third of one. */
const LOOK_MS = 300

function isOpen({ state }: NodeCommand): boolean {
  return state === 'queued' || state === 'sent'
}

/** Resolves with what came of it. Throws where nothing did. */
async function give(context: Context, kind: CommandKind, more: object = {}): Promise<NodeCommand> {
  const client = context.client()
  const path = `/api/v1/nodes/${encodeURIComponent(argument(context, 0))}/commands`
  const expiresInS = durationS(parseWith(duration, textFlag(context.flags, 'wait') ?? '60s'))
  let asked = await client.send<NodeCommand>('POST', path, { kind, expiresInS, ...more })
  if (asked.state === 'queued') context.err(`${asked.node} is away: it has ${expiresInS} s to come back\n`)
  while (isOpen(asked)) {
    await new Promise<void>((resolve) => void context.clock.after(LOOK_MS, resolve))
    asked = await client.get<NodeCommand>(`/api/v1/commands/${asked.id}`)
  }
  const { code = 'failed', message = asked.state, remedy, state } = asked
  if (state === 'answered') return asked
  throw new HoldfastError(code as ErrorCode, `${asked.node}: ${message}`, remedy === undefined ? {} : { remedy })
}

function show(context: Context, asked: NodeCommand, text: () => void): void {
  if (switchFlag(context.flags, 'json')) printJson(context, asked)
  else text()
}

/** What came of it, as a table for people. */
function showTable(context: Context, asked: NodeCommand, empty: string): void {
  const table = resultTable(asked.kind, asked.result) ?? { headings: [], rows: [] }
  show(context, asked, () => printTable(context, table, empty))
}

export const nodePing: Command = async (context) => {
  const peer = context.args[1]
  const count = Number(textFlag(context.flags, 'count') ?? '4')
  const asked = await give(context, 'ping', peer === undefined ? {} : { peer, count })
  if (peer === undefined)
    return show(context, asked, () => context.out(`${asked.node} answered in ${asked.tookMs ?? 0} ms\n`))
  showTable(context, asked, 'No answers.')
  if (isPeerAnswering(asked.result)) return
  throw new HoldfastError('unreachable', `${peer} does not answer ${asked.node}`, {
    remedy: `See \`holdfast-hub node netcheck ${asked.node}\`.`,
  })
}

export const nodeNetcheck: Command = async (context) => {
  showTable(context, await give(context, 'netcheck'), 'It found nothing.')
}

export const nodeHistory: Command = async (context) => {
  showTable(context, await give(context, 'history', { peer: argument(context, 1) }), 'It tells nothing.')
}

export const nodeRotateKey: Command = async (context) => {
  const asked = await give(context, 'rotate-key')
  const { awaiting, wgKey = '' } = (asked.result ?? {}) as { wgKey?: string; awaiting?: string }
  show(context, asked, () => {
    if (awaiting === undefined) context.out(`${asked.node} has the key ${wgKey}\n`)
    else
      context.out(
        `${asked.node} has made ${awaiting}; it awaits signatures: \`holdfast-hub lock sign ${asked.node}\`\n`,
      )
  })
}

export const nodeBundle: Command = async (context) => {
  const asked = await give(context, 'bundle')
  if (asked.file === undefined) throw new HoldfastError('failed', asked.message ?? 'there is no file')
  const bytes = await context.client().download(asked.file.path, asked.file.bytes)
  const path = textFlag(context.flags, 'file') ?? `${asked.node}-${asked.id}.tar.gz`
  writeAtomic(path, bytes)
  show(context, { ...asked, file: { ...asked.file, path } }, () =>
    context.out(`${path} (${Math.ceil(bytes.length / 1_024)} KiB, without secrets)\n`),
  )
}
