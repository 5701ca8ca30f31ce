// The command `agent`: runs in the foreground until it is told to stop.

import { runAgent } from '../host/run-agent.ts'
import type { Command } from './context.ts'

export const agentCommand: Command = (cli) => runAgent({ ...cli, pid: process.pid })
