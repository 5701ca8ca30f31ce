// The command `drain`: this device gets no new flows of services and routes, or gets them again.

import { switchFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import type { DrainReport } from '../services/drain.ts'
import { goWaitMs } from './clean-kernel.ts'
import { type Cli, type Command, writeJson } from './context.ts'

function say(cli: Cli, report: DrainReport, sentence: string): number {
  if (cli.json) writeJson(cli, report)
  else cli.write(sentence)
  return 0
}

/** What units run while the host goes down: who has no agent any more has nobody to tell, and holds nothing up. */
async function untilStart(cli: Cli): Promise<number> {
  const agent = createLocalClient(cli.files.socket)
  try {
    const { peers } = await agent.status(false)
    const report = await agent.go()
    if (peers.length > 0) await new Promise<void>((resolve) => void cli.clock.after(goWaitMs, resolve))
    return say(cli, report, 'this device leaves its services and routes until its agent is started again\n')
  } catch (error) {
    if (!isAgentDown(error)) throw error
    return say(cli, { drains: false }, 'no agent runs: there is nothing to leave\n')
  }
}

export const drainCommand: Command = async (cli) => {
  const [ends, untilItStarts] = [switchFlag(cli.flags, 'end'), switchFlag(cli.flags, 'until-start')]
  if (ends && untilItStarts) {
    throw new HoldfastError('usage', '--end and --until-start exclude each other', {
      remedy:
        'Restart the agent, or write `holdfast drain --end` for a drain that was asked for without --until-start.',
    })
  }
  if (untilItStarts) return await untilStart(cli)
  const agent = createLocalClient(cli.files.socket)
  const report = await (ends ? agent.drainEnd() : agent.drain())
  const leaves = 'this device leaves its services and routes: flows that it has go on, new ones go to others\n'
  const next = '→ `holdfast drain --end` takes it back; see its flows end with `holdfast flows -f`\n'
  return say(cli, report, report.drains ? leaves + next : 'this device serves again\n')
}
