// The command `drain`: this device gets no new flows of services and routes, or gets them again.

import { switchFlag } from '../../shared/cli/parse.ts'
import { createLocalClient } from '../local/client.ts'
import { type Command, writeJson } from './context.ts'

export const drainCommand: Command = async (cli) => {
  const agent = createLocalClient(cli.files.socket)
  const report = await (switchFlag(cli.flags, 'end') ? agent.drainEnd() : agent.drain())
  if (cli.json) writeJson(cli, report)
  else if (report.drains) {
    cli.write('this device leaves its services and routes: flows that it has go on, new ones go to others\n')
    cli.write('→ `holdfast drain --end` takes it back; see its flows end with `holdfast flows -f`\n')
  } else cli.write('this device serves again\n')
  return 0
}
