// Starts the processes of a simulated fleet and waits for their words.

import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import type { FromAgents, FromHub, FromIdlers } from './fleet-words.ts'

/** A thousand enrolments, each with its own slow hash of a password, on two cores that others share. */
const WAIT_MS = 600_000

export function spawnWorker(file: string): ChildProcess {
  const path = join(import.meta.dirname, file)
  return fork(path, { execPath: process.execPath, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

/** The next word of that type from the child; throws when it fails, ends or stays silent. */
export function expect<W extends FromHub | FromAgents | FromIdlers, T extends W['type']>(
  child: ChildProcess,
  type: T,
): Promise<Extract<W, { type: T }>> {
  return new Promise((resolve, reject) => {
    const done = (finish: () => void): void => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('exit', onExit)
      finish()
    }
    const fail = (why: string): void => done(() => reject(new HoldfastError('failed', why)))
    const onMessage = (words: W): void => {
      if (words.type === 'failed') fail((words as { readonly why: string }).why)
      else if (words.type === type) done(() => resolve(words as Extract<W, { type: T }>))
    }
    const onExit = (): void => fail('a process of the fleet ended early')
    const timer = setTimeout(() => fail(`no "${type}" within ${WAIT_MS / 1_000} s`), WAIT_MS)
    child.on('message', onMessage)
    child.on('exit', onExit)
  })
}
