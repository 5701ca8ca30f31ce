// Who is to be signed for: each device as it is, and as it would be with the WireGuard key or the device key that it asks for;
// each of them with the addresses that it has, and with those that a renumbering leads through.

import type { Address } from '../../shared/address/cidr.ts'
import type { Name } from '../../shared/ids.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import { type AddressList, addressLists, type ListStep } from '../../shared/intent/renumber-lists.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { deviceLinksKeptMax } from '../../shared/limits.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import type { Signatures } from '../../shared/record/signatures.ts'
import type { Addresses } from '../compile/addresses.ts'
import { bodyWithNext, bodyWithNextDevice, nodeBody } from '../compile/compile.ts'
import type { Intents } from '../source/intents.ts'
import type { Enrolment, NetworkState, Signed } from '../store/hub-store.ts'
import type { LockBook } from './lock-book.ts'
import { type Into, ownList, withList } from './signed-lists.ts'

export interface Candidate {
  readonly enrolment: Enrolment
  /** As it would be published; a disabled node as if it were enabled, so that it can be signed for beforehand. */
  readonly body: NodeBody
  readonly disabled: boolean
  /** It is so now, or would be with the WireGuard key or the device key that it asks for. */
  readonly as: 'present' | 'next' | 'next-device'
  /** At which step of a renumbering it would have these addresses; absent for those that it has. */
  readonly at?: ListStep
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

export function signedAs(enrolment: Enrolment, as: Candidate['as']): Signed {
  const of = { present: enrolment, next: enrolment.next, 'next-device': enrolment.nextDevice }
  return of[as] ?? {}
}

/** `into`: kept for that list of addresses, because the network has others besides, or is to have them. */
export function withSignatures(
  enrolment: Enrolment,
  as: Candidate['as'],
  signatures: Signatures,
  into: Into | undefined,
): Enrolment {
  const put = <T extends Signed>(signed: T): T =>
    into === undefined ? { ...signed, signatures } : withList(signed, into, signatures)
  const { next, nextDevice } = enrolment
  if (as === 'next' && next !== undefined) return { ...enrolment, next: put(next) }
  if (as === 'next-device' && nextDevice !== undefined) return { ...enrolment, nextDevice: put(nextDevice) }
  return put(enrolment)
}

export interface CandidateSources {
  readonly addresses: Addresses
  readonly enrolments: ReadonlyMap<Name, Enrolment>
  readonly intents: Intents
  readonly locks: Pick<LockBook, 'judge'>
}

/** The network as it would be, and what nodes have for addresses then. */
export interface Planned {
  readonly spec: NetworkSpec
  readonly addresses: ReadonlyMap<Name, readonly Address[]>
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
  planned?: Planned,
): readonly Candidate[] {
  const judge = locks.judge(id)
  const network = intents.get('Network', name)?.resource as Resource<'Network'> | undefined
  const spec = planned?.spec ?? network?.spec
  const listsOf = (owner: Name, present: readonly Address[]): readonly AddressList[] => {
    const all = planned === undefined ? present : (planned.addresses.get(owner) ?? [])
    return spec === undefined ? [] : addressLists(spec, all).filter((one) => one.addresses.join() !== present.join())
  }
  /** What was signed before there were lists is shown where it is over these addresses. */
  const asSigned = (one: Candidate): Candidate => {
    const isOwn = ownList(signedAs(one.enrolment, one.as), one.body.addresses) !== undefined
    return isOwn || judge?.(one.body) === 'admitted' ? one : { ...one, body: { ...one.body, membership: [] } }
  }
  return [...enrolments.values()]
    .filter((enrolment) => enrolment.network === name)
    .flatMap((enrolment) => {
      const node = intents.get('Node', enrolment.name)?.resource as Resource<'Node'> | undefined
      if (node === undefined) return []
      const enabled = { ...node, spec: { ...node.spec, disabled: false } }
      const present = addresses.of(name, `node/${enrolment.name}`)
      const one = { enrolment, disabled: node.spec.disabled }
      const having = (own: readonly Address[]): readonly Candidate[] => {
        const body = nodeBody(enabled, { addresses: own, enrolment })
        if (body === undefined) return []
        return [{ ...one, as: 'present', body }, ...(judge === undefined ? [] : asAsked(body, one))]
      }
      const ahead = listsOf(enrolment.name, present).flatMap(({ addresses: own, at }) =>
        having(own).map((candidate) => asSigned({ ...candidate, at })),
      )
      return [...having(present), ...ahead]
    })
    .sort((a, b) => (a.enrolment.name < b.enrolment.name ? -1 : 1))
}
