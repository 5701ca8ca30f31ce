// The keys of this agent's network: who goes by which, and its own, made from the parts that know of members and the lock.

import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import { isLocked } from '../../shared/record/lock.ts'
import type { AgentOptions } from '../agent.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { LockedHolding } from '../trust/locked.ts'
import { createKeyBook, type KeyBook } from './key-book.ts'
import { createOwnKey, type OwnKey } from './own-key.ts'
import { rekeyHolding } from './rekeyed.ts'

export interface KeysParts {
  readonly clock: Clock
  readonly keep: Keepsakes
  /** The set in force under the membership lock. */
  readonly locked: LockedHolding
}

export interface Keys {
  readonly keyBook: KeyBook
  readonly ownKey: OwnKey
  /** The set in force with the keys that members go by. */
  readonly holding: LockedHolding
  /** A member says that it has another key. */
  readonly onKey: (node: NodeId, statement: Uint8Array) => void
}

/** `onChange`: a peer goes by another key from now on. */
export function createKeys(options: AgentOptions, { clock, keep, locked }: KeysParts, onChange: () => void): Keys {
  const { identity, log, paths, sha256, signer, verify, wgKey } = options
  const underLock = (): boolean => isLocked(locked.pin.lock())
  const record = (node: NodeId) => locked.inForce()?.parsed.records.nodes.find(({ nodeId }) => nodeId === node)
  const keyBook = createKeyBook({
    network: identity.network.id,
    sha256,
    verify,
    log,
    keyOf: (node) => record(node)?.deviceKey,
  })
  const ownKey = createOwnKey({
    node: identity.nodeId,
    network: identity.network.id,
    signer,
    sha256,
    clock,
    log,
    wgKey,
    files: options.keyFiles,
    talk: paths?.talk,
    book: keyBook,
    keep,
    recorded() {
      const own = record(identity.nodeId)
      return own === undefined ? undefined : { wgKey: own.wgKey, serial: own.wgSerial ?? 0, next: own.next?.wgKey }
    },
    isLocked: underLock,
  })
  return {
    keyBook,
    ownKey,
    holding: rekeyHolding(locked, keyBook, underLock),
    onKey(node, statement) {
      if (node === identity.nodeId || !keyBook.offer(node, statement)) return
      log.info('a peer goes by another key', { node })
      onChange()
    },
  }
}
