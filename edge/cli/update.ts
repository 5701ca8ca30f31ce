// `holdfast update`: lays another build into the slot that does not run, asks the agent to change over, waits for the verdict.
//
// Who waits here may be connected through the very mesh that is updated: the kernel carries it on meanwhile.

import { arch } from 'node:process'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { type Laid, layBuild } from '../host/lay-build.ts'
import { lockState, type StateLock } from '../host/lock.ts'
import { type HomeFiles, homeFiles } from '../host/program-home.ts'
import type { UpdatesAnswer } from '../local/api.ts'
import { createLocalClient, isAgentDown, type LocalClient } from '../local/client.ts'
import { objectionTo } from '../update/candidate.ts'
import { otherSlot } from '../update/slot.ts'
import { busyRemedy, type UpdateAnswer } from '../update/update.ts'
import type { UpdateEndView } from '../update/view.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { updateText } from './update-text.ts'
import { bytesText } from './words.ts'

const LOOK_MS = 500
/** Beyond what the agent gives itself: a supervisor that waits between starts, and a slow disk. */
const SLACK_S = 120

function pause(cli: Cli, ms: number): Promise<void> {
  return new Promise((resolve) => void cli.clock.after(ms, resolve))
}

/** Throws `usage`. */
function digestOf(cli: Cli): string | undefined {
  const text = textFlag(cli.flags, 'sha256')?.toLowerCase()
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text
  throw new HoldfastError('usage', '--sha256 is not 64 hexadecimal digits', {
    remedy: 'As `sha256sum FILE` prints it.',
  })
}

function lockBuilds(cli: Cli, { lock }: HomeFiles): StateLock {
  try {
    return lockState(lock, cli.log)
  } catch (cause) {
    throw new HoldfastError('conflict', 'another `holdfast update` is under way', {
      remedy: 'Wait for its end, then see `holdfast update --status`.',
      cause,
    })
  }
}

async function bring(cli: Cli, file: string, place: UpdatesAnswer, wanted: string | undefined): Promise<Laid> {
  const force = switchFlag(cli.flags, 'force')
  const home = homeFiles(place.home)
  // Two at once would lay their files among each other.
  const lock = lockBuilds(cli, home)
  try {
    return await layBuild({
      file,
      home,
      slot: otherSlot(place.runs.slot),
      sha256: wanted,
      arch,
      run: cli.run,
      freeBytes: (path) => cli.probe.freeBytes(path),
      onCopied: (bytes, sha256) => cli.note(`copied ${bytesText(bytes)}, SHA-256 ${sha256}`),
      judge(candidate, sha256) {
        const objection = objectionTo(candidate, sha256, place, force)
        if (objection !== undefined) throw objection
        cli.note(`it starts here, and is version ${candidate.version}`)
      },
    })
  } finally {
    lock.release()
  }
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
  const { home, refused, runs, update } = await createLocalClient(cli.files.socket).updates()
  if (cli.json) writeJson(cli, { home, runs, refused, ...(update === undefined ? {} : { update }) })
  else
    cli.write(
      `runs    ${runs.version}, from slot ${runs.slot} of ${home}\nupdate  ${updateText(update ?? {}, cli.clock.now())}\n`,
    )
  return 0
}

function needRoot(cli: Cli): void {
  if (cli.probe.isRoot) return
  throw new HoldfastError('forbidden', 'only root may replace the program', { remedy: 'Run it with sudo.' })
}

async function changeOver(cli: Cli, file: string): Promise<number> {
  const wanted = digestOf(cli)
  needRoot(cli)
  const client = createLocalClient(cli.files.socket)
  const place = await client.updates()
  if (place.busy !== undefined) throw new HoldfastError('conflict', place.busy, { remedy: busyRemedy })
  const { sha256 } = await bring(cli, file, place, wanted)
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
