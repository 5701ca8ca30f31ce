// What people signed, as it comes in: checked, and put beside what it was signed for. Pure.

import type { Verify } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Name, NetworkId } from '../../shared/ids.ts'
import { lockKeysMax } from '../../shared/limits.ts'
import type { TrustedKeys } from '../../shared/record/envelope.ts'
import type { LockSubmission } from '../../shared/record/lock-bundle.ts'
import { memberBytes } from '../../shared/record/member.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import { type Signatures, signersOf } from '../../shared/record/signatures.ts'
import type { Enrolment } from '../store/hub-store.ts'
import { type Candidate, signedAs, subjectOf, withSignatures } from './candidates.ts'
import { ownList } from './signed-lists.ts'

export interface IntakeScope {
  readonly network: NetworkId
  /** Those whose signatures count for anything. */
  readonly keys: TrustedKeys
  readonly verify: Verify
}

/** `more` beside `held`, the newer of two by one key, the oldest forgotten where there are too many. */
function joined(held: Signatures, more: Signatures): Signatures {
  const keys = new Set(more.map(({ key }) => key))
  return [...held.filter(({ key }) => !keys.has(key)), ...more].slice(-lockKeysMax)
}

/** Signatures are checked where they come in: what lies here and counts for nothing would only be found out much later. */
function checked(body: NodeBody, given: Signatures, { keys, network, verify }: IntakeScope): Signatures {
  const known = given.filter(({ key }) => keys.has(key))
  if (known.length < given.length) {
    throw new HoldfastError('untrusted', `${body.name} is signed by a key that is not one of the lock’s`, {
      remedy: 'See `holdfast-hub lock status` for its keys.',
    })
  }
  const bytes = memberBytes(network, body)
  for (const one of known) {
    if (signersOf('member', bytes, [one], keys, verify).size === 1) continue
    throw new HoldfastError('bad-signature', `the signature for ${body.name} by key ${one.key} is wrong`, {
      remedy: 'The device may have changed since: get the file again with `holdfast-hub lock pending`, and sign that.',
    })
  }
  return known
}

function addressesOf({ addresses }: Pick<NodeBody, 'addresses'>): string {
  return addresses.join()
}

/** The lists that each device has, or comes to have. */
function listsBy(list: readonly Candidate[]): ReadonlyMap<Name, ReadonlySet<string>> {
  const lists = new Map<Name, Set<string>>()
  for (const { body } of list) lists.set(body.name, (lists.get(body.name) ?? new Set()).add(addressesOf(body)))
  return lists
}

/** Those of `list` for whom `given` has something new. Throws `untrusted` or `bad-signature`. */
export function takeSignatures(
  given: LockSubmission['members'],
  list: readonly Candidate[],
  scope: IntakeScope,
): ReadonlyMap<Name, Enrolment> {
  const now = list.filter(({ at }) => at === undefined)
  const listed = new Map(list.map((one) => [`${subjectOf(one.body)} ${addressesOf(one.body)}`, one]))
  const bySubject = new Map(now.map((one) => [subjectOf(one.body), one]))
  const present = new Map(now.filter(({ as }) => as === 'present').map((one) => [one.enrolment.nodeId, one]))
  const needed = listsBy(list)
  const hasLists = now.length < list.length
  const next = new Map<Name, Enrolment>()
  for (const { member, signatures } of given) {
    if (signatures.length === 0) continue
    const subject = subjectOf(member)
    const candidate =
      listed.get(`${subject} ${addressesOf(member)}`) ?? bySubject.get(subject) ?? present.get(member.nodeId)
    // Who left meanwhile needs no signature any more.
    if (candidate === undefined) continue
    const { as, body } = candidate
    const enrolment = next.get(candidate.enrolment.name) ?? candidate.enrolment
    const signed = signedAs(enrolment, as)
    const own = ownList(signed, body.addresses)
    const isListed = hasLists || own !== undefined
    const held = own ?? (isListed ? body.membership : signed.signatures) ?? []
    const fresh = signatures.filter(
      (one) => !held.some(({ key, signature }) => key === one.key && signature === one.signature),
    )
    if (fresh.length === 0) continue
    const all = joined(held, checked(body, fresh, scope))
    const into = isListed
      ? { addresses: body.addresses, needed: needed.get(body.name) ?? new Set<string>() }
      : undefined
    next.set(enrolment.name, withSignatures(enrolment, as, all, into))
  }
  return next
}
