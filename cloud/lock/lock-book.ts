// The membership locks of the hub's networks: each a chain, of which the last one holds. The hub keeps them and checks by
// them what it publishes; it can sign none of it.

import type { NetworkId } from '../../shared/ids.ts'
import { isLocked, type Lock, type LockScope, lockBytes, type SignedLock } from '../../shared/record/lock.ts'
import { createJudge, type Judge } from '../../shared/record/member.ts'
import { encodeRecord, type RecordSet } from '../../shared/record/record.ts'
import type { HubStore } from '../store/hub-store.ts'

export interface LockBook {
  /** Oldest first. */
  chain(network: NetworkId): readonly SignedLock[]
  /** Undefined where everybody whom the hub admits is a member. */
  judge(network: NetworkId): Judge | undefined
  /** Hash of the lock in force. */
  hash(network: NetworkId | undefined): Uint8Array | undefined
  /** Records of the chain. */
  records(network: NetworkId): RecordSet
  /** Keeps the chain; call inside a transaction, and `settle` once that has succeeded. */
  keep(network: NetworkId, chain: readonly SignedLock[]): void
  settle(network: NetworkId, chain: readonly SignedLock[]): void
}

interface Held {
  readonly chain: readonly SignedLock[]
  readonly judge: Judge | undefined
}

function key(network: NetworkId): string {
  return `membership-lock/${network}`
}

export function lockRecords(chain: readonly SignedLock[]): RecordSet {
  return new Map(
    chain.map((signed) => {
      const id = `lock/${signed.lock.serial}`
      return [id, encodeRecord({ kind: 'lock', id, body: signed })]
    }),
  )
}

export function judgeUnder(lock: Lock | undefined, scope: LockScope): Judge | undefined {
  return isLocked(lock) ? createJudge(lock, scope) : undefined
}

export function createLockBook(store: Pick<HubStore, 'value' | 'putValue'>, scope: LockScope): LockBook {
  const known = new Map<NetworkId, Held>()

  const settle = (network: NetworkId, chain: readonly SignedLock[]): Held => {
    const held = { chain, judge: judgeUnder(chain.at(-1)?.lock, scope) }
    known.set(network, held)
    return held
  }
  const of = (network: NetworkId): Held => {
    const held = known.get(network)
    return held ?? settle(network, JSON.parse(store.value(key(network)) ?? '[]') as SignedLock[])
  }

  return {
    chain: (network) => of(network).chain,
    judge: (network) => of(network).judge,
    hash(network) {
      const lock = network === undefined ? undefined : of(network).chain.at(-1)?.lock
      return isLocked(lock) ? scope.sha256(lockBytes(lock)) : undefined
    },
    records: (network) => lockRecords(of(network).chain),
    keep: (network, chain) => store.putValue(key(network), JSON.stringify(chain)),
    settle: (network, chain) => void settle(network, chain),
  }
}
