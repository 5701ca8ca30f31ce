// One command of a person to a device, from being given to what came of it, and how it is shown.

import type { Name, NodeId } from '../../shared/ids.ts'
import type { CommandKind } from '../../shared/wire/command.ts'
import type { Actor } from '../audit.ts'

/**
 * `queued`: the device is away, and gets it if it is back in time. `sent`: it was handed to the broker. `answered`: it was done.
 * `failed`: the device tried. `refused`: the device would not. `expired`: no answer came in time.
 */
export type CommandState = 'queued' | 'sent' | 'answered' | 'failed' | 'refused' | 'expired'

export interface CommandRequest {
  readonly kind: CommandKind
  /** Of a ping, absent where the device itself is asked; of a history. */
  readonly peer?: Name | undefined
  readonly count?: number | undefined
  /** How long somebody waits for it. */
  readonly expiresInS?: number | undefined
}

/** Times are milliseconds since the Unix epoch. */
export interface NodeCommand {
  readonly id: string
  readonly node: Name
  readonly kind: CommandKind
  readonly peer?: Name
  /** As the audit log calls them. */
  readonly by: string
  readonly state: CommandState
  readonly createdAt: number
  readonly expiresAt: number
  readonly endedAt?: number
  /** From handing it to the broker to the whole answer, with the work in between. */
  readonly tookMs?: number
  /** Why there is no result, in words. */
  readonly code?: string
  readonly message?: string
  readonly remedy?: string
  /** What the command line of the device prints with --json. */
  readonly result?: unknown
  /** Where it is a file. */
  readonly file?: { readonly bytes: number; readonly path: string }
}

export interface CommandFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** What people ask of commands. */
export interface HubCommands {
  /** Throws `not-found`, `unsupported`, `forbidden`, `conflict` and `exhausted`. */
  send(node: string, request: CommandRequest, actor: Actor): NodeCommand
  get(id: string): NodeCommand | undefined
  /** Newest first. */
  list(): readonly NodeCommand[]
  file(id: string): CommandFile | undefined
  figures(): CommandFigures
}

/** Since the hub started, by how they ended; and those that have not. */
export interface CommandFigures {
  readonly open: number
  readonly ended: Readonly<Record<Exclude<CommandState, 'queued' | 'sent'>, number>>
}

export interface CommandEvent {
  readonly type: 'command'
  readonly id: string
  readonly name: Name
  readonly kind: CommandKind
  readonly state: CommandState
}

/** As it is kept over a restart of the hub; a result that is a file lies beside it. */
export interface KeptCommand {
  readonly view: NodeCommand
  readonly nodeId: NodeId
  readonly network: Name
  readonly count?: number | undefined
  /** Bytes of its result. */
  readonly size: number
}

/** As it is held. */
export interface Asked {
  view: NodeCommand
  readonly nodeId: NodeId
  readonly network: Name
  readonly count: number | undefined
  /** Monotonic, when it was handed to the broker; undefined before, and where an earlier life of this hub did so. */
  sentAt: number | undefined
  /** An earlier life of this hub handed it to the broker. */
  readonly wasSent: boolean
  size: number
}

export function isOpen({ view }: Asked): boolean {
  return view.state === 'queued' || view.state === 'sent'
}
