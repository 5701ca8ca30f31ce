// The commands that a hub remembers, on its disk as well: bounded in number, in age and in the bytes of their results, those that
// have ended first to go.

import { commandResultsBytesMax, commandsKeptMax, commandsKeptMsMax } from '../../shared/command-limits.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { HubStore } from '../store/hub-store.ts'
import { type Asked, isOpen, type KeptCommand } from './asked.ts'

export interface CommandLedger {
  get(id: string): Asked | undefined
  /** Newest first. */
  all(): readonly Asked[]
  open(): readonly Asked[]
  openOf(node: NodeId): Asked | undefined
  /** Throws where it can't be written down. */
  add(asked: Asked): void
  /** Writes down what has become of it, with a file that it brought; makes room for that. Throws as `add`. */
  keep(asked: Asked, file?: Uint8Array): void
  file(id: string): Uint8Array | undefined
  /** What an earlier life of the hub has left. */
  load(): void
}

export type CommandStore = Pick<
  HubStore,
  'commands' | 'putCommand' | 'commandFile' | 'dropCommandFile' | 'deleteCommand' | 'transaction'
>

function kept({ count, network, nodeId, size, view }: Asked): KeptCommand {
  return { view, nodeId, network, ...(count === undefined ? {} : { count }), size }
}

export function createCommandLedger(store: CommandStore, clock: Pick<Clock, 'now'>): CommandLedger {
  const held = new Map<string, Asked>()

  const trim = (): void => {
    const oldest = clock.now() - commandsKeptMsMax
    for (const asked of held.values()) {
      const { createdAt, id } = asked.view
      if (isOpen(asked) || (held.size <= commandsKeptMax && createdAt >= oldest)) continue
      store.deleteCommand(id)
      held.delete(id)
    }
  }
  /** A result that made room is said to be gone. */
  const forget = (asked: Asked): void => {
    const { file: _, result: __, ...view } = asked.view
    asked.size = 0
    asked.view = { ...view, message: 'the result made room for newer ones' }
    store.dropCommandFile(view.id)
    store.putCommand(kept(asked))
  }

  return {
    get: (id) => held.get(id),
    all: () => [...held.values()].toReversed(),
    open: () => [...held.values()].filter(isOpen),
    openOf: (node) => [...held.values()].find((asked) => asked.nodeId === node && isOpen(asked)),
    add(asked) {
      store.putCommand(kept(asked))
      held.set(asked.view.id, asked)
      trim()
    },
    keep(asked, file) {
      store.transaction(() => {
        store.putCommand(kept(asked), file)
        let total = 0
        for (const one of [...held.values()].toReversed()) {
          total += one.size
          if (total > commandResultsBytesMax && one.size > 0 && one !== asked) forget(one)
        }
      })
    },
    file: (id) => store.commandFile(id),
    load() {
      for (const { count, network, nodeId, size, view } of store.commands()) {
        held.set(view.id, { view, nodeId, network, count, sentAt: undefined, wasSent: view.state === 'sent', size })
      }
      trim()
    },
  }
}
