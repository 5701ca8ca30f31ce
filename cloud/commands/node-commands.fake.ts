// Commands without devices: they are taken, and answered by whoever tests.

import { HoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import type { HubCommands, NodeCommand } from './asked.ts'

export function createFakeCommands(): HubCommands {
  const held = new Map<string, NodeCommand>()
  return {
    send(node, { kind, peer }, actor) {
      if (node !== 'alice') throw new HoldfastError('not-found', 'no such device')
      const id = `command${held.size}`.padEnd(16, 'a')
      const named = peer === undefined ? {} : { peer }
      const asked: NodeCommand = {
        id,
        node: parseName(node),
        kind,
        ...named,
        by: actor.name,
        state: 'sent',
        createdAt: 1,
        expiresAt: 2,
      }
      held.set(id, asked)
      return asked
    },
    get: (id) => held.get(id),
    list: () => [...held.values()].toReversed(),
    file: (id) =>
      held.get(id)?.kind === 'bundle' ? { name: 'alice.tar.gz', bytes: Uint8Array.of(31, 139) } : undefined,
    figures: () => ({ open: held.size, ended: { answered: 1, failed: 0, refused: 0, expired: 2 } }),
  }
}
