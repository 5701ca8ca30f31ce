// Who is to be signed for: each device as it is, and as it would be with the WireGuard key or the device key that it asks for.

import type { Name } from '../../shared/ids.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { deviceLinksKeptMax } from '../../shared/limits.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import type { Signatures } from '../../shared/record/signatures.ts'
import type { Addresses } from '../compile/addresses.ts'
import { bodyWithNext, bodyWithNextDevice, nodeBody } from '../compile/compile.ts'
import type { Intents } from '../source/intents.ts'
import type { Enrolment, NetworkState } from '../store/hub-store.ts'
import type { LockBook } from './lock-book.ts'

export interface Candidate {
  readonly enrolment: Enrolment
  /** As it would be published; a disabled node as if it were enabled, so that it can be signed for beforehand. */
  readonly body: NodeBody
  readonly disabled: boolean
  /** It is so now, or would be with the WireGuard key or the device key that it asks for. */
  readonly as: 'present' | 'next' | 'next-device'
}

/** A member and its keys: what people sign for. */
export function subjectOf({ deviceKey, nodeId, wgKey }: Pick<NodeBody, 'deviceKey' | 'nodeId' | 'wgKey'>): string {
  return `${nodeId} ${wgKey} ${deviceKey}`
}

/** What shows that the device key of the candidate is the device’s. */
export function linksOf({ as, enrolment }: Candidate): readonly string[] {
  const { deviceLinks = [], nextDevice } = enrolment
  return as === 'next-device' ? [...deviceLinks, ...(nextDevice?.links ?? [])].slice(-deviceLinksKeptMax) : deviceLinks
}

export function signaturesAs({ next, nextDevice, signatures }: Enrolment, as: Candidate['as']): Signatures {
  const of = { present: signatures, next: next?.signatures, 'next-device': nextDevice?.signatures }
  return of[as] ?? []
}

export function withSignatures(enrolment: Enrolment, as: Candidate['as'], signatures: Signatures): Enrolment {
  const { next, nextDevice } = enrolment
  if (as === 'next' && next !== undefined) return { ...enrolment, next: { ...next, signatures } }
  if (as === 'next-device' && nextDevice !== undefined)
    return { ...enrolment, nextDevice: { ...nextDevice, signatures } }
  return { ...enrolment, signatures }
}

export interface CandidateSources {
  readonly addresses: Addresses
  readonly enrolments: ReadonlyMap<Name, Enrolment>
  readonly intents: Intents
  readonly locks: Pick<LockBook, 'judge'>
}

function asAsked(body: NodeBody, one: Pick<Candidate, 'enrolment' | 'disabled'>): readonly Candidate[] {
  const asked = [
    { as: 'next', body: bodyWithNext(body, one.enrolment) },
    { as: 'next-device', body: bodyWithNextDevice(body, one.enrolment) },
  ] as const
  return asked.flatMap(({ as, body: wanted }) => (wanted === undefined ? [] : [{ ...one, as, body: wanted }]))
}

/** By name. Nobody asks for a key where people sign for none. */
export function candidatesOf(
  { addresses, enrolments, intents, locks }: CandidateSources,
  { id, name }: Pick<NetworkState, 'id' | 'name'>,
): readonly Candidate[] {
  const isLocked = locks.judge(id) !== undefined
  return [...enrolments.values()]
    .filter((enrolment) => enrolment.network === name)
    .flatMap((enrolment) => {
      const node = intents.get('Node', enrolment.name)?.resource as Resource<'Node'> | undefined
      if (node === undefined) return []
      const enabled = { ...node, spec: { ...node.spec, disabled: false } }
      const body = nodeBody(enabled, { addresses: addresses.of(name, `node/${enrolment.name}`), enrolment })
      if (body === undefined) return []
      const one = { enrolment, disabled: node.spec.disabled }
      return [{ ...one, as: 'present' as const, body }, ...(isLocked ? asAsked(body, one) : [])]
    })
    .sort((a, b) => (a.enrolment.name < b.enrolment.name ? -1 : 1))
}
