// Whether a command of the hub is carried out. Pure.
//
// Nothing depends on a clock that is right: what is for another session, or not newer than what came before, is dropped without
// a word, for it is none of the hub's doing. The time only limits how long one that was held back can still be carried out.

import { commandLifeMsMax } from '../../shared/command-limits.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import type { NetworkId, NodeId } from '../../shared/ids.ts'
import type { Command, CommandKind } from '../../shared/wire/command.ts'

export interface CommandPlace {
  readonly network: NetworkId
  readonly self: NodeId
  readonly session: string
  /** Of the newest command that was heard in this session; 0 before the first. */
  readonly serial: number
  readonly kinds: readonly CommandKind[]
  /** What it is busy with. */
  readonly running: CommandKind | undefined
  /** So many came within a minute that this one is too much. */
  readonly isTooOften: boolean
  /** Wall clock of this device, milliseconds since the Unix epoch. */
  readonly now: number
}

export type CommandVerdict =
  | { readonly do: 'run' }
  /** `why`: for the log. */
  | { readonly do: 'drop'; readonly why: string }
  | { readonly do: 'refuse'; readonly code: ErrorCode; readonly message: string; readonly remedy: string }

export function judgeCommand(command: Command, place: CommandPlace): CommandVerdict {
  const { expiresAt, issuedAt, kind, network, node, serial, session } = command
  if (network !== place.network || node !== place.self) return { do: 'drop', why: 'it is for another device' }
  if (session !== place.session) return { do: 'drop', why: 'it is for another session of this device' }
  if (serial <= place.serial) return { do: 'drop', why: 'it is not newer than one that came before' }
  if (expiresAt - issuedAt > commandLifeMsMax || expiresAt < issuedAt) {
    return { do: 'refuse', code: 'invalid', message: 'it is valid for longer than any may be', remedy: 'Give another.' }
  }
  // A clock that is behind the hub's can't tell; one that is ahead says so, and is worth mending anyway.
  if (place.now > expiresAt) {
    const here = new Date(place.now).toISOString()
    return {
      do: 'refuse',
      code: 'expired',
      message: `it came too late: by the clock of this device it is ${here}`,
      remedy: 'Give it again; if the clock is wrong, see `holdfast doctor` there.',
    }
  }
  if (!place.kinds.includes(kind)) {
    return {
      do: 'refuse',
      code: 'forbidden',
      message: `this device does no ${kind} for its hub`,
      remedy: 'Its setting `commands` says so; do it there by hand.',
    }
  }
  if (place.running !== undefined) {
    return {
      do: 'refuse',
      code: 'conflict',
      message: `it is busy with a ${place.running}`,
      remedy: 'Wait until that is done, and give it again.',
    }
  }
  if (place.isTooOften) {
    return {
      do: 'refuse',
      code: 'rate-limited',
      message: 'it took as many commands within a minute as it takes',
      remedy: 'Wait a minute.',
    }
  }
  return { do: 'run' }
}
