// Where the program lies on a device that can be updated: two slots, the link `current` to one of them, and the starter, which
// tells the agent by its environment. See build/starter.ts for the other side of these files.
//
//   HOME/start                 what the supervisor runs
//   HOME/current -> versions/a
//   HOME/versions/a, b         a build each, with build.json that says which
//   HOME/versions/unconfirmed  the mark of a slot that has not proven itself
//   HOME/versions/update.json  how far an update has come
//   HOME/versions/order.json   what the hub wants to run here
//   HOME/versions/fetched-…    a build on its way from the hub

import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as v from 'valibot'
import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { linkAtomic, readIfThere, removeLasting, writeAtomic } from '../../shared/host/files.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { version } from '../../shared/version.ts'
import {
  type Build,
  buildSchema,
  formatUpdateCase,
  noUpdate,
  parseUpdateCase,
  type UpdateCase,
} from '../update/case.ts'
import type { UpdateDoors } from '../update/doors.ts'
import { formatMark, parseMark } from '../update/mark.ts'
import { type Slot, slots } from '../update/slot.ts'
import type { Step } from '../update/steps.ts'

export interface HomeFiles {
  readonly directory: string
  readonly current: string
  readonly versions: string
  readonly mark: string
  readonly update: string
  readonly slot: (slot: Slot) => string
  readonly build: (slot: Slot) => string
  /** Where a build is laid before it has proven that it is one. */
  readonly draft: string
  /** The newest order of the hub to run another version. */
  readonly order: string
  /** Held while one is. */
  readonly lock: string
}

export function homeFiles(directory: string): HomeFiles {
  const versions = join(directory, 'versions')
  return {
    directory,
    current: join(directory, 'current'),
    versions,
    mark: join(versions, 'unconfirmed'),
    update: join(versions, 'update.json'),
    slot: (slot) => join(versions, slot),
    build: (slot) => join(versions, slot, buildFile),
    draft: join(versions, 'draft'),
    order: join(versions, 'order.json'),
    lock: join(versions, 'lock'),
  }
}

export const buildFile = 'build.json'

const builtSchema = v.pick(buildSchema, ['version', 'sha256'])

export function buildText(built: v.InferOutput<typeof builtSchema>): string {
  return `${JSON.stringify(built)}\n`
}

function readBuild(files: HomeFiles, slot: Slot): Build | undefined {
  const text = readIfThere(files.build(slot))
  return text === undefined ? undefined : { slot, ...parseWith(builtSchema, JSON.parse(text)) }
}

function carryOut(files: HomeFiles, step: Step): void {
  switch (step.step) {
    case 'keep':
      return writeAtomic(files.update, formatUpdateCase(step.update))
    case 'mark':
      return writeAtomic(files.mark, formatMark(step.mark))
    case 'unmark':
      return removeLasting(files.mark)
    case 'point':
      // Relative, so that the whole directory may be moved.
      return linkAtomic(files.current, join('versions', step.slot))
  }
}

function readCase(files: HomeFiles, log: Log): UpdateCase {
  try {
    return parseUpdateCase(readIfThere(files.update))
  } catch (error) {
    log.error('the record of updates is damaged; going on without it', { reason: describeError(error) })
    return noUpdate
  }
}

function tryBuild(files: HomeFiles, slot: Slot): Build | undefined {
  try {
    return readBuild(files, slot)
  } catch {
    return undefined
  }
}

/** What a starter would say of the program in `directory`; nothing where that is no slot. */
export function ownPlace(directory: string): Readonly<Record<string, string>> {
  const [slot, versions] = [basename(directory), dirname(directory)]
  const home = dirname(versions)
  if (basename(versions) !== 'versions' || !existsSync(join(home, 'start'))) return {}
  return { HOLDFAST_HOME: home, HOLDFAST_SLOT: slot }
}

/** Undefined where no starter has started this process. `restart` ends it. */
export function openProgramHome(
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
  restart: () => void,
): UpdateDoors | undefined {
  const slot = slots.find((one) => one === env['HOLDFAST_SLOT'])
  const home = env['HOLDFAST_HOME']
  if (home === undefined || slot === undefined) return undefined
  const files = homeFiles(home)
  const listed = tryBuild(files, slot)
  // Who runs is known by itself; what the list says of the file counts only if it speaks of the same.
  const runs: Build = listed?.version === version ? listed : { slot, version }
  return {
    home,
    runs,
    read: () => ({ update: readCase(files, log), mark: parseMark(readIfThere(files.mark)) }),
    build: (of) => tryBuild(files, of),
    carryOut: (step) => carryOut(files, step),
    restart,
  }
}

export function noHome(): HoldfastError {
  return new HoldfastError('unsupported', 'this agent was not started in a way in which it could be updated', {
    remedy:
      'Lay the program out in slots and let the unit run `start` (README, “Joining a real device”), then restart it.',
  })
}
