// `holdfast metrics`: the agent's figures in the text format of Prometheus, for people, scripts and node_exporter.

import { textFlag } from '../../shared/cli/parse.ts'
import { writeShared } from '../../shared/host/files.ts'
import { createLocalClient } from '../local/client.ts'
import type { Command } from './context.ts'

export const metricsCommand: Command = async (cli) => {
  const text = await createLocalClient(cli.files.socket).metrics()
  const path = textFlag(cli.flags, 'output') ?? '-'
  if (path === '-') cli.write(text)
  // Whoever collects them is not root.
  else writeShared(path, text)
  return 0
}
