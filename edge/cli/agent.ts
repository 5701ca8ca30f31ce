// The command `agent`: runs in the foreground until it is told to stop.

import { commandKindsOf } from '../host/command-kinds.ts'
import { runAgent } from '../host/run-agent.ts'
import type { Command } from './context.ts'

export const agentCommand: Command = (cli) =>
  runAgent({
    ...cli,
    pid: process.pid,
    commands: {
      kinds: commandKindsOf(cli.settings),
      run: async (command) => (await import('./hub-commands.ts')).runHubCommand(cli, command),
    },
  })
