// The commands that speak of the program itself: version, completion, man.

import { renderCompletion, shells } from '../../shared/cli/completion.ts'
import { renderMan } from '../../shared/cli/help.ts'
import { switchFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { version } from '../../shared/version.ts'
import { updatable } from '../update/candidate.ts'
import { type Command, writeJson } from './context.ts'

export const versionCommand: Command = async (cli) => {
  // What an update asks of a build before it takes it, see update/candidate.ts; programs build on all of it.
  if (switchFlag(cli.flags, 'json'))
    writeJson(cli, { program: 'holdfast', version, node: process.versions.node, ...updatable })
  else cli.write(`holdfast ${version} (Node ${process.versions.node})\n`)
  return 0
}

export const completionCommand: Command = async (cli) => {
  const shell = shells.find((known) => known === cli.args[0])
  if (shell === undefined) {
    throw new HoldfastError('usage', `there is no completion for "${cli.args[0]}"`, {
      remedy: `Use one of ${shells.join(', ')}.`,
    })
  }
  cli.write(renderCompletion(cli.program, shell))
  return 0
}

export const manCommand: Command = async (cli) => {
  cli.write(renderMan(cli.program, version))
  return 0
}
