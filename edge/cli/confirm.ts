// retry and confirm: what somebody with a root shell on the device decides about a revision.

import { createLocalClient } from '../local/client.ts'
import { type Command, writeJson } from './context.ts'

export const retryCommand: Command = async (cli) => {
  await createLocalClient(cli.files.socket).retry()
  if (cli.json) writeJson(cli, { retried: true })
  else cli.write('the revision is tried again; see `holdfast status`\n')
  return 0
}

export const confirmCommand: Command = async (cli) => {
  await createLocalClient(cli.files.socket).confirm()
  if (cli.json) writeJson(cli, { confirmed: true })
  else cli.write('the revision counts as good\n')
  return 0
}
