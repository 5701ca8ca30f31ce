// A place for the database where the state directory takes no writes: a worn SD card that turned read-only, a full disk
// without even an old database. The copy lives in memory; the device is on its mesh, and a reboot starts from the card.

import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** In memory on every systemd host; the last may be a disk, which is better than nothing. */
const PLACES = ['/run', '/dev/shm', tmpdir()]

export interface Refuge {
  readonly path: string
  /** Removes the names; what is open stays until the process ends, and nothing is left behind after that. */
  forget(): void
}

/** A private copy of the database at `path` and its log, or an empty place if there is none. Undefined where none can be had. */
export function takeRefuge(path: string): Refuge | undefined {
  for (const place of PLACES) {
    try {
      const directory = mkdtempSync(join(place, 'holdfast-'))
      const forget = (): void => rmSync(directory, { recursive: true, force: true })
      const copy = join(directory, 'state.db')
      try {
        for (const suffix of ['', '-wal']) {
          if (existsSync(`${path}${suffix}`)) copyFileSync(`${path}${suffix}`, `${copy}${suffix}`)
        }
        return { path: copy, forget }
      } catch {
        forget()
      }
    } catch {
      // Read-only, full or not there: the next place may do.
    }
  }
  return undefined
}
