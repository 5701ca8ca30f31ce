// Takes away what crashed runs of the lab left behind; touches nothing of runs that are alive.

import { removeStale } from './run-directory.ts'

const removed = removeStale()
process.stdout.write(removed.length === 0 ? 'nothing to clean up\n' : `removed ${removed.join(', ')}\n`)
