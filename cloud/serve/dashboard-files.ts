// Where the hub finds its dashboard: among what a single file carries, or in the directory beside a bundle.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fromUtf8 } from '../../shared/bytes.ts'
import { dashboardBytesMax, dashboardFilesMax } from '../../shared/dashboard-limits.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { carriedPart, programDirectory } from '../../shared/host/carried.ts'
import { dashboardPart, type FilesByPath, readFilesIn, unpackFiles } from '../../shared/host/carried-files.ts'
import { createDashboard, type Dashboard } from '../api/dashboard.ts'

/** Name of the directory beside a bundle. */
const DIRECTORY = 'dashboard'

/** Undefined where this build has none. */
function findDashboard(): FilesByPath | undefined {
  const carried = carriedPart(dashboardPart)
  if (carried !== undefined) return unpackFiles(fromUtf8(carried.content))
  const directory = join(programDirectory(), DIRECTORY)
  return existsSync(join(directory, 'index.html')) ? readFilesIn(directory, dashboardBytesMax) : undefined
}

/** Undefined where there is none, or none that can be read: a hub serves its devices all the same. */
export function openDashboard(log: Log): Dashboard | undefined {
  try {
    const files = findDashboard()
    if (files === undefined) return undefined
    if (files.size > dashboardFilesMax) throw new HoldfastError('too-large', `${files.size} files are no dashboard`)
    return createDashboard(files)
  } catch (error) {
    log.error('the dashboard is not served', { why: describeError(error) })
    return undefined
  }
}
