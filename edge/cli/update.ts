// `holdfast update`: lays another build into the slot that does not run, asks the agent to change over, waits for the verdict.
//
// Who waits here may be connected through the very mesh that is updated: the kernel carries it on meanwhile.

import { switchFlag } from '../../shared/cli/parse.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { programDirectory } from '../../shared/host/carried.ts'
import type { UpdatesAnswer } from '../local/api.ts'
import { createLocalClient, isAgentDown, type LocalClient } from '../local/client.ts'
import { busyRemedy, type UpdateAnswer } from '../update/update.ts'
import type { UpdateEndView } from '../update/view.ts'
import { bringBuild, digestOf } from './bring-build.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { updateAlone } from './update-alone.ts'
import { orderLines, updateText } from './update-text.ts'

const LOOK_MS = 500
/** Beyond what the agent gives itself: a supervisor that waits between starts, and a slow disk. */
const SLACK_S = 120

function pause(cli: Cli, ms: number): Promise<void> {
  return new Promise((resolve) => void cli.clock.after(ms, resolve))
}

/** Undefined while there is no verdict, or nobody to ask. */
async function endOf(client: LocalClient, sha256: string): Promise<UpdateEndView | string | undefined> {
  try {
    const { update } = await client.updates()
    if (update?.last !== undefined && update.last.sha256 === sha256) return update.last
    const { trial } = update ?? {}
    return trial === undefined ? undefined : `version ${trial.version} runs, and is watched`
  } catch (error) {
    // Between two versions there is none; one that has just come may be slow.
    if (isAgentDown(error) || isHoldfastError(error, 'failed')) return 'the agent is being started'
    throw error
  }
}

async function waitForEnd(cli: Cli, client: LocalClient, sha256: string, begun: UpdateAnswer): Promise<UpdateEndView> {
  const until = cli.clock.monotonic() + (begun.patienceS + SLACK_S) * 1_000
  let said = ''
  while (cli.clock.monotonic() < until) {
    await pause(cli, LOOK_MS)
    const seen = await endOf(client, sha256)
    if (typeof seen === 'object') return seen
    if (seen === undefined || seen === said) continue
    said = seen
    cli.note(seen)
  }
  throw new HoldfastError('failed', 'there is no verdict yet, and nothing answers', {
    remedy: 'The starter goes back by itself. See `systemctl status holdfast`, then `holdfast update --status`.',
  })
}

async function showStatus(cli: Cli): Promise<number> {
  const { home, order, refused, runs, update } = await createLocalClient(cli.files.socket).updates()
  if (cli.json)
    writeJson(cli, {
      home,
      runs,
      refused,
      ...(update === undefined ? {} : { update }),
      ...(order === undefined ? {} : { order }),
    })
  else
    cli.write(
      `runs      ${runs.version}, from slot ${runs.slot} of ${home}\nupdate    ${updateText(update ?? {}, cli.clock.now())}\n${orderLines(
        order,
      )
        .map((line) => `${line}\n`)
        .join('')}`,
    )
  return 0
}

function needRoot(cli: Cli): void {
  if (cli.probe.isRoot) return
  throw new HoldfastError('forbidden', 'only root may replace the program', { remedy: 'Run it with sudo.' })
}

/** Undefined where none runs. */
async function askPlace(client: LocalClient): Promise<UpdatesAnswer | undefined> {
  try {
    return await client.updates()
  } catch (error) {
    if (isAgentDown(error)) return undefined
    throw error
  }
}

async function changeOver(cli: Cli, file: string): Promise<number> {
  const wanted = digestOf(cli)
  needRoot(cli)
  const client = createLocalClient(cli.files.socket)
  const place = await askPlace(client)
  if (place === undefined) return await updateAlone(cli, file, wanted, programDirectory())
  if (place.busy !== undefined) throw new HoldfastError('conflict', place.busy, { remedy: busyRemedy })
  const { sha256 } = await bringBuild(cli, file, place, wanted)
  const begun = await client.update(sha256)
  cli.note(`changing over from ${begun.from.version}; traffic goes on`)
  const end = await waitForEnd(cli, client, sha256, begun)
  if (cli.json) writeJson(cli, end)
  else cli.write(`update ${updateText({ last: end }, cli.clock.now())}\n`)
  return end.outcome === 'confirmed' ? 0 : 1
}

export const updateCommand: Command = async (cli) => {
  const [file] = cli.args
  if (switchFlag(cli.flags, 'status')) return showStatus(cli)
  if (file === undefined) throw new HoldfastError('usage', 'update needs FILE, or --status')
  return await changeOver(cli, file)
}
