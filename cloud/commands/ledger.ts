// The commands that a hub remembers: bounded in number and in the bytes of their results, those that have ended first to go.

import { commandResultsBytesMax, commandsKeptMax } from '../../shared/command-limits.ts'
import type { NodeId } from '../../shared/ids.ts'
import { type Asked, isOpen } from './asked.ts'

export interface CommandLedger {
  get(id: string): Asked | undefined
  /** Newest first. */
  all(): readonly Asked[]
  open(): readonly Asked[]
  openOf(node: NodeId): Asked | undefined
  add(asked: Asked): void
  keepResult(asked: Asked, bytes: Uint8Array): void
}

export function createCommandLedger(): CommandLedger {
  const held = new Map<string, Asked>()

  const trim = (): void => {
    for (const asked of held.values()) {
      if (held.size <= commandsKeptMax) return
      if (!isOpen(asked)) held.delete(asked.view.id)
    }
  }
  /** A result that made room is said to be gone. */
  const forget = (asked: Asked): void => {
    const { file: _, result: __, ...view } = asked.view
    asked.bytes = undefined
    asked.view = { ...view, message: 'the result made room for newer ones' }
  }

  return {
    get: (id) => held.get(id),
    all: () => [...held.values()].toReversed(),
    open: () => [...held.values()].filter(isOpen),
    openOf: (node) => [...held.values()].find((asked) => asked.nodeId === node && isOpen(asked)),
    add(asked) {
      held.set(asked.view.id, asked)
      trim()
    },
    keepResult(asked, bytes) {
      asked.bytes = bytes
      let total = 0
      for (const one of [...held.values()].toReversed()) {
        total += one.bytes?.length ?? 0
        if (total > commandResultsBytesMax && one.bytes !== undefined && one !== asked) forget(one)
      }
    },
  }
}
