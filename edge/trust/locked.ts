// The last step between what is held and what runs: members whom the membership lock does not admit are left out. A pure
// filter over the set in force; the set itself stays whole, for its head vouches for all of it.

import type { Name } from '../../shared/ids.ts'
import { isLocked, type Lock } from '../../shared/record/lock.ts'
import { createJudge, type Judge } from '../../shared/record/member.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import type { Holding } from './holding.ts'
import type { Anchors } from './keys.ts'
import type { LockPin } from './lock-pin.ts'

/** Who is left out, by name. */
interface LeftOut {
  readonly unsigned: readonly Name[]
  readonly revoked: readonly Name[]
}

interface Locked {
  readonly pin: Pick<LockPin, 'lock' | 'refused'>
  /** By the lock that is pinned; admits everybody where there is none. */
  judge(): Judge
  /** Of the set in force. */
  leftOut(): LeftOut
  /** Reads again what is pinned, and judges everybody anew. Returns why it can't be read, if so. */
  reload(): string | undefined
}

const nobody: LeftOut = { unsigned: [], revoked: [] }
const admitAll: Judge = () => 'admitted'

interface Filtered<S> {
  readonly set: S
  readonly leftOut: LeftOut
}

/** `set` without those whom `judge` refuses; `set` itself where it refuses nobody. */
function admittedOf<S extends { readonly parsed: { readonly records: ParsedRecords } }>(
  set: S,
  judge: Judge,
): Filtered<S> {
  const { records } = set.parsed
  const refused = new Map<NodeBody, 'unsigned' | 'revoked'>()
  for (const node of records.nodes) {
    const verdict = judge(node)
    if (verdict !== 'admitted') refused.set(node, verdict)
  }
  if (refused.size === 0) return { set, leftOut: nobody }
  const names = (verdict: 'unsigned' | 'revoked'): readonly Name[] =>
    [...refused].filter(([, given]) => given === verdict).map(([{ name }]) => name)
  const nodes = records.nodes.filter((node) => !refused.has(node))
  return {
    set: { ...set, parsed: { ...set.parsed, records: { ...records, nodes } } },
    leftOut: { unsigned: names('unsigned'), revoked: names('revoked') },
  }
}

export type LockedHolding = Holding & Locked

type InForce = NonNullable<ReturnType<Holding['inForce']>>

/** `holding` under the lock that `pin` keeps. */
export function lockHolding(holding: Holding, pin: LockPin, anchors: Anchors): LockedHolding {
  let judge: Judge = admitAll
  let judgedBy: Lock | undefined
  let whole: InForce | undefined
  let filtered: Filtered<InForce> | undefined

  const judgeNow = (): Judge => {
    const lock = pin.lock()
    if (lock === judgedBy) return judge
    judgedBy = lock
    judge = isLocked(lock) ? createJudge(lock, anchors) : admitAll
    filtered = undefined
    return judge
  }

  const now = (): Filtered<InForce> | undefined => {
    const by = judgeNow()
    const set = holding.inForce()
    if (set === undefined) return undefined
    if (filtered === undefined || set !== whole) filtered = admittedOf(set, by)
    whole = set
    return filtered
  }

  const follow = (): void => {
    // A set that this agent can't read says nothing of its locks: what is pinned stays.
    const locks = holding.held()?.parsed?.records.locks
    if (locks !== undefined) pin.follow(locks)
  }

  return {
    ...holding,
    pin,
    judge: judgeNow,
    leftOut: () => now()?.leftOut ?? nobody,
    inForce: () => now()?.set,
    load() {
      const worse = pin.load()
      const bad = holding.load()
      follow()
      return bad ?? worse
    },
    take(accepted) {
      const failure = holding.take(accepted)
      follow()
      return failure
    },
    reload() {
      const bad = pin.load()
      follow()
      return bad
    },
  }
}
