// Where the hub finds its dashboard: among what a single file carries, or in the directory beside a bundle.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import * as v from 'valibot'
import { fromBase64, fromUtf8, toBase64 } from '../../shared/bytes.ts'
import { dashboardBytesMax, dashboardFilesMax } from '../../shared/dashboard-limits.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { carriedPart, programDirectory } from '../../shared/host/carried.ts'
import { createDashboard, type Dashboard, type DashboardFiles } from '../api/dashboard.ts'

/** Name of the directory beside a bundle. */
const DIRECTORY = 'dashboard'
/** What a single file carries: all files in one, base64 by path. */
const dashboardPart = 'dashboard.json'

const carriedSchema = v.record(v.string(), v.string())

function bounded(files: DashboardFiles): DashboardFiles {
  const bytes = [...files.values()].reduce((total, file) => total + file.length, 0)
  if (files.size > dashboardFilesMax || bytes > dashboardBytesMax) {
    throw new HoldfastError('too-large', `a dashboard of ${files.size} files and ${bytes} bytes is none of ours`)
  }
  return files
}

/** Throws `too-large`. Links are not followed out of it: what is no plain file is left out. */
export function readDashboard(directory: string): DashboardFiles {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort()
  // Before anything is read: whatever lies there by mistake is not taken into memory.
  const bytes = paths.reduce((total, path) => total + statSync(path).size, 0)
  if (bytes > dashboardBytesMax) throw new HoldfastError('too-large', `${directory} is no dashboard: ${bytes} bytes`)
  const nameOf = (path: string): string => relative(directory, path).split(sep).join('/')
  return bounded(new Map(paths.map((path) => [nameOf(path), new Uint8Array(readFileSync(path))])))
}

/**
 * For a single file to carry. The same files are the same bytes.
 * @testonly
 */
export function packDashboard(files: DashboardFiles): string {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(Object.fromEntries(sorted.map(([path, bytes]) => [path, toBase64(bytes)])))
}

/** @testonly */
export function unpackDashboard(packed: string): DashboardFiles {
  const read = v.parse(carriedSchema, JSON.parse(packed))
  return bounded(new Map(Object.entries(read).map(([path, text]) => [path, fromBase64(text)])))
}

/** Undefined where this build has none. */
function findDashboard(): DashboardFiles | undefined {
  const carried = carriedPart(dashboardPart)
  if (carried !== undefined) return unpackDashboard(fromUtf8(carried.content))
  const directory = join(programDirectory(), DIRECTORY)
  return existsSync(join(directory, 'index.html')) ? readDashboard(directory) : undefined
}

/** Undefined where there is none, or none that can be read: a hub serves its devices all the same. */
export function openDashboard(log: Log): Dashboard | undefined {
  try {
    const files = findDashboard()
    return files === undefined ? undefined : createDashboard(files)
  } catch (error) {
    log.error('the dashboard is not served', { why: describeError(error) })
    return undefined
  }
}
