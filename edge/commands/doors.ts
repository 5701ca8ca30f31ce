// What carrying out a command of the hub asks of this host.

import type { Command, CommandKind } from '../../shared/wire/command.ts'

export interface CommandDoors {
  /** What this device does for its hub; empty where people have turned that off. */
  readonly kinds: readonly CommandKind[]
  /**
   * As the command line of this device does it. Resolves with JSON, or with the bytes of a file; rejects where it can't be done.
   */
  run(command: Command): Promise<Uint8Array>
}
