// Tells the command line on the machine of a replica that waits where the hub is: there is none behind that directory.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { dataPaths } from '../serve/data-directory.ts'

const FILE = 'leader'

/** `holder` of the lease; empty where nobody is known to lead. */
export function noteLeader(directory: string, holder: string): void {
  const path = join(directory, FILE)
  rmSync(dataPaths(directory).cliUrl, { force: true })
  if (readIfThere(path) !== holder) writeAtomic(path, holder)
}

export function forgetLeader(directory: string): void {
  rmSync(join(directory, FILE), { force: true })
}

/** Throws `unreachable` where a replica waits in that directory. */
export function refuseWaiting(directory: string): void {
  const holder = readIfThere(join(directory, FILE))
  if (holder === undefined) return
  const pod = holder.split('_')[0] ?? ''
  throw new HoldfastError(
    'unreachable',
    `this replica of the hub waits, ${pod === '' ? 'and nobody leads yet' : `and ${pod} leads`}`,
    { remedy: pod === '' ? 'Try again in a moment.' : `Ask there: kubectl exec ${pod} -- holdfast-hub …` },
  )
}
