// `holdfast metrics`: the agent's figures in the text format of Prometheus, for people, scripts and node_exporter.

import { textFlag } from '../../shared/cli/parse.ts'
import { writeAtomic } from '../../shared/host/files.ts'
import { createLocalClient } from '../local/client.ts'
import type { Command } from './context.ts'

/** Whoever collects them is not root. */
const MODE = 0o644

export const metricsCommand: Command = async (cli) => {
  const text = await createLocalClient(cli.files.socket).metrics()
  const path = textFlag(cli.flags, 'output') ?? '-'
  if (path === '-') cli.write(text)
  else writeAtomic(path, text, MODE)
  return 0
}
