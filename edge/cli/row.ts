// One row of the table of commands.

import type { CommandSpec } from '../../shared/cli/command.ts'
import type { Command } from './context.ts'

export interface CommandRow {
  readonly spec: CommandSpec
  readonly load: () => Promise<Command>
}
