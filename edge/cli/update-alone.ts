// `holdfast update` where no agent runs, perhaps because it can't: nobody can note what works, so the next version is held to
// staying up alone. The starter goes back as ever if it does not.

import { HoldfastError } from '../../shared/errors.ts'
import { nothingWorks } from '../confirm/working.ts'
import { lockState } from '../host/lock.ts'
import { openProgramHome, ownPlace } from '../host/program-home.ts'
import { updatable } from '../update/candidate.ts'
import type { TrialStage } from '../update/case.ts'
import { updateWatchMs } from '../update/own-update.ts'
import { otherSlot } from '../update/slot.ts'
import { stepsInto } from '../update/steps.ts'
import { busyRemedy } from '../update/update.ts'
import { patienceS } from '../update/verdict.ts'
import { bringBuild } from './bring-build.ts'
import { type Cli, writeJson } from './context.ts'

/** `directory`: where this very program lies. Throws `unreachable` where that is no slot. */
export async function updateAlone(
  cli: Cli,
  file: string,
  wanted: string | undefined,
  directory: string,
): Promise<number> {
  const doors = openProgramHome(ownPlace(directory), cli.log, () => undefined)
  if (doors === undefined) {
    throw new HoldfastError('unreachable', 'the agent is not running, and this program lies in no slot', {
      remedy: 'Start the agent with `systemctl start holdfast`, or call the program that it would run.',
    })
  }
  const { home, runs } = doors
  // None may start before all is laid.
  const lock = lockState(cli.files.lock, cli.log)
  try {
    const { mark, update } = doors.read()
    if (mark !== undefined) throw new HoldfastError('conflict', 'an update is on trial', { remedy: busyRemedy })
    const place = { home, runs, version: runs.version, layout: updatable.layout, refused: update.refused }
    const to = { slot: otherSlot(runs.slot), ...(await bringBuild(cli, file, place, wanted)) }
    const trial: TrialStage = { stage: 'trial', from: runs, to, before: nothingWorks, since: cli.clock.now() }
    const watchMs = updateWatchMs(cli.settings.confirmS * 1_000)
    for (const step of stepsInto(update, trial, patienceS({ watchMs }))) doors.carryOut(step)
    if (cli.json) writeJson(cli, { outcome: 'laid', from: runs, to })
    else cli.write(`version ${to.version} is the next that is started: systemctl start holdfast\n`)
  } finally {
    lock.release()
  }
  cli.note('no agent ran to say what works: it is held to staying up alone; see `holdfast update --status` then')
  return 0
}
