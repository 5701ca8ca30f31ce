// `holdfast mirror …`: let an IDS or a capture on this host see what the mesh carries, for a while.

import { listFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { mirrorPacketsPerSMax } from '../../shared/limits.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import { defaultPacketsPerS, type MirrorOrder, type MirrorView, mirrorOrder } from '../mirror/order.ts'
import { cachedStatus } from './cached.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { expiresMs, reasonGiven, whoAsks } from './for-a-while.ts'
import { mirrorLines } from './mirror-line.ts'

function paceOf({ flags }: Cli): number {
  const word = textFlag(flags, 'packets-per-s')
  const pace = word === undefined ? defaultPacketsPerS : Number(word)
  if (Number.isInteger(pace) && pace >= 1 && pace <= mirrorPacketsPerSMax) return pace
  throw new HoldfastError('usage', `--packets-per-s ${word} is not a number from 1 to ${mirrorPacketsPerSMax}`)
}

function orderOf(cli: Cli): MirrorOrder {
  const { args, flags } = cli
  return parseWith(mirrorOrder, {
    to: args[0] ?? '',
    peers: listFlag(flags, 'peer'),
    cidrs: listFlag(flags, 'cidr'),
    services: listFlag(flags, 'service'),
    packetsPerS: paceOf(cli),
    durationMs: expiresMs(cli, 'mirror start'),
    reason: reasonGiven(cli, 'mirror start'),
    by: whoAsks(cli),
  })
}

export const mirrorStartCommand: Command = async (cli) => {
  const answer = await createLocalClient(cli.files.socket).mirrorStart(orderOf(cli))
  for (const warning of answer.warnings) cli.note(`mind: ${warning}`)
  if (cli.json) writeJson(cli, answer)
  else {
    const lines = mirrorLines(answer.mirror, cli.clock.now())
    cli.write(`${lines.join('\n')}\nIt ends by itself; earlier with: holdfast mirror stop\n`)
  }
  return 0
}

export const mirrorStopCommand: Command = async (cli) => {
  const answer = await createLocalClient(cli.files.socket).mirrorStop({ by: whoAsks(cli) })
  for (const warning of answer.warnings) cli.note(`mind: ${warning}`)
  if (cli.json) writeJson(cli, answer)
  else cli.write(`nothing is copied to ${answer.mirror.to} any more\n`)
  return 0
}

async function mirrorHere(cli: Cli): Promise<MirrorView | undefined> {
  try {
    return (await createLocalClient(cli.files.socket).mirror()).mirror
  } catch (error) {
    if (isAgentDown(error)) return cachedStatus(cli).mirror
    throw error
  }
}

export const mirrorStatusCommand: Command = async (cli) => {
  const mirror = await mirrorHere(cli)
  if (cli.json) writeJson(cli, mirror === undefined ? {} : { mirror })
  else cli.write(mirror === undefined ? 'nothing is copied\n' : `${mirrorLines(mirror, cli.clock.now()).join('\n')}\n`)
  return 0
}
