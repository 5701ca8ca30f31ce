// How the host's doors ask for an external command: one array of words. Run by the drivers' one runner.

import type { Run } from '../drivers/command.ts'

/** Standard output. Throws `unsupported` where there is no such program, `failed` where it fails. */
export type RunCommand = (argv: readonly string[]) => Promise<string>

export function commandsBy(run: Run): RunCommand {
  return ([program = '', ...args]) => run(program, args)
}
