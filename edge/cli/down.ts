// The command `down`: the agent ends and the kernel is as it was before; the device stays a member.

import { cleanKernel, takeOver } from './clean-kernel.ts'
import { type Command, writeJson } from './context.ts'

export const downCommand: Command = async (cli) => {
  // A device without state may have its part in the kernel all the same.
  const lock = cli.probe.exists(cli.files.directory) ? await takeOver(cli) : undefined
  try {
    await cleanKernel(cli)
  } finally {
    lock?.release()
  }
  if (cli.json) writeJson(cli, { down: true })
  else cli.write('nothing of Holdfast is in the kernel any more; the next start of the agent brings it back\n')
  return 0
}
