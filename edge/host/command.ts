// The one way the host's doors run external commands: argument arrays, a bound on time and on output, never a shell.

import { execFile } from 'node:child_process'
import { HoldfastError } from '../../shared/errors.ts'
import { commandOutputMax, commandTimeoutMsMax } from '../../shared/limits.ts'

export type RunCommand = (argv: readonly string[]) => Promise<string>

/** Standard output. Throws `unsupported` where there is no such program, `failed` where it fails. */
export const runCommand: RunCommand = (argv) =>
  new Promise((resolve, reject) => {
    const [program = '', ...rest] = argv
    const options = { timeout: commandTimeoutMsMax, maxBuffer: commandOutputMax, killSignal: 'SIGKILL' } as const
    execFile(program, rest, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      if (error.code === ('ENOENT' as never)) {
        return reject(new HoldfastError('unsupported', `this host has no ${program}`, { cause: error }))
      }
      const why = stderr.trim().split('\n')[0] ?? error.message
      reject(new HoldfastError('failed', `${argv.slice(0, 4).join(' ')}: ${why}`, { cause: error }))
    })
  })
