// The command `history`: how a peer was reached of late, as this device measured it.

import { historyColumns, historyRows } from '../../shared/cli/history-table.ts'
import { switchFlag } from '../../shared/cli/parse.ts'
import { renderTable } from '../../shared/cli/table.ts'
import { createLocalClient } from '../local/client.ts'
import { type Command, writeJson } from './context.ts'

export const historyCommand: Command = async (cli) => {
  const history = await createLocalClient(cli.files.socket).history(cli.args[0] ?? '')
  if (cli.json) writeJson(cli, history)
  else cli.write(renderTable(historyColumns, historyRows(history), switchFlag(cli.flags, 'color')))
  return 0
}
