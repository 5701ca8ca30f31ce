// Takes out of the kernel's table of connections where UDP was led to backends that are gone: somebody who goes on sending from
// the same port would be led there for ever.

import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { Gone } from '../services/doors.ts'
import type { Run } from './command.ts'

/** `program`: where holdfast-bpf is; undefined where this build has none: then such flows go elsewhere once they pause. */
export async function endConnections(
  gone: readonly Gone[],
  program: string | undefined,
  run: Run,
  log: Log,
): Promise<void> {
  if (program === undefined || gone.length === 0) return
  try {
    const input = gone.map(({ backend, virtual }) => `${virtual} ${backend}\n`).join('')
    const ended = Number(await run(program, ['connections', 'end'], { input }))
    if (ended > 0) log.debug('flows of backends that are gone were ended', { ended })
  } catch (error) {
    log.debug('flows of backends that are gone can’t be ended', { reason: describeError(error) })
  }
}
