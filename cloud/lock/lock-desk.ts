// The desk of the membership lock: shows what is to be signed, takes what people signed, and lets nothing into force that
// would cut a member off.

import type { Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Name } from '../../shared/ids.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { locksKeptMax } from '../../shared/limits.ts'
import {
  isLocked,
  isSignedBy,
  type Lock,
  type LockScope,
  lockKeys,
  mayFollow,
  type SignedLock,
} from '../../shared/record/lock.ts'
import type { LockSubmission, RenumberTo } from '../../shared/record/lock-bundle.ts'
import type { Judge } from '../../shared/record/member.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import type { Signature } from '../../shared/record/signatures.ts'
import type { Actor } from '../audit.ts'
import type { Addresses } from '../compile/addresses.ts'
import { followWords, withDevice } from '../enrol/device-rekey.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { LockMember, LockView } from '../hub.ts'
import type { LiveNetwork, Networks } from '../publish/networks.ts'
import type { Commit, Committed } from '../source/commit.ts'
import type { Change, Intents } from '../source/intents.ts'
import type { Enrolment, HubStore, Signed } from '../store/hub-store.ts'
import { type Candidate, candidatesOf, linksOf } from './candidates.ts'
import { takeSignatures } from './intake.ts'
import { judgeUnder, type LockBook, lockRecords } from './lock-book.ts'
import { rehearse } from './rehearse.ts'
import { signaturesOver, signersIn } from './signed-lists.ts'

export interface LockDeskOptions extends LockScope {
  readonly store: HubStore
  readonly locks: LockBook
  readonly intents: Intents
  readonly addresses: Addresses
  readonly enrolments: Map<Name, Enrolment>
  readonly networks: Networks
  readonly fleet: Pick<Fleet, 'add'>
  readonly commit: Commit
  readonly announce: (changes: readonly Change[], committed: Committed) => void
  readonly clock: Clock
}

export interface LockDesk {
  /** `to`: with the lists of addresses that a renumbering to these blocks would lead through. */
  view(network: string, to?: RenumberTo): LockView
  /** Takes a bundle that people signed. Throws `untrusted`, `bad-signature`, `conflict` or `stale`; then nothing changed. */
  submit(network: string, bundle: LockSubmission, replace: boolean, actor: Actor): LockView
}

function membershipOf(signed: Signed, { addresses }: Pick<NodeBody, 'addresses'>): Signature[] {
  return [...(signaturesOver(signed, addresses) ?? [])]
}

function named(names: readonly string[]): string {
  const more = names.length - 5
  return more > 0 ? `${names.slice(0, 5).join(', ')} and ${more} more` : names.join(', ')
}

export function createLockDesk(options: LockDeskOptions): LockDesk {
  const { enrolments, intents, locks, networks, sha256, store, verify } = options

  const liveNamed = (name: string): LiveNetwork => {
    const live = networks.get(name as Name)
    if (live !== undefined) return live
    throw new HoldfastError('not-found', `there is no network "${name.slice(0, 70)}"`, {
      remedy: 'See `holdfast-hub get networks`.',
    })
  }

  const candidates = (live: LiveNetwork, to: RenumberTo | undefined): readonly Candidate[] =>
    candidatesOf(options, live.state, to === undefined ? undefined : rehearse(options, live.state.name, to))

  const view = (name: string, to?: RenumberTo): LockView => {
    const live = liveNamed(name)
    const lock = locks.chain(live.state.id).at(-1)
    const judge = locks.judge(live.state.id)
    const members = candidates(live, to).map((candidate): LockMember => {
      const { as, at, body, disabled } = candidate
      const links = linksOf(candidate)
      const { addresses: own, deviceKey, nodeId, wgKey } = body
      return {
        member: { name: body.name, nodeId, deviceKey, wgKey, addresses: own },
        signatures: [...(body.membership ?? [])],
        verdict: judge === undefined ? 'admitted' : judge(body),
        disabled,
        ...(at === undefined ? {} : { at }),
        ...(as === 'present' ? {} : { isNext: true }),
        ...(as === 'next-device' ? { asksDeviceKey: true } : {}),
        ...(links.length === 0 ? {} : { links }),
      }
    })
    const { id } = live.state
    return {
      network: { id, name: live.state.name },
      ...(lock === undefined ? {} : { lock }),
      ...(to === undefined ? {} : { renumber: to }),
      members,
    }
  }

  /** Those who asked for a device key, and whom enough people have signed for with it, have it from now on. */
  const withSignedDevices = (
    list: readonly Candidate[],
    signed: ReadonlyMap<Name, Enrolment>,
    judge: Judge | undefined,
  ): ReadonlyMap<Name, Enrolment> => {
    const next = new Map(signed)
    for (const { as, at, body } of list) {
      const enrolment = as === 'next-device' && at === undefined ? signed.get(body.name) : undefined
      const { nextDevice } = enrolment ?? {}
      if (enrolment === undefined || nextDevice === undefined) continue
      const isSigned = judge?.({ ...body, membership: membershipOf(nextDevice, body) }) === 'admitted'
      if (isSigned) next.set(body.name, withDevice(enrolment, nextDevice))
    }
    return next
  }

  const chainWith = (live: LiveNetwork, proposal: SignedLock | undefined, replace: boolean): readonly SignedLock[] => {
    const chain = locks.chain(live.state.id)
    const last = chain.at(-1)
    if (proposal === undefined) return chain
    const scope = { sha256, verify }
    if (last !== undefined && !replace) {
      if (!mayFollow(last.lock, proposal, scope)) throw notFollowing(last.lock, proposal.lock)
      return [...chain, proposal].slice(-locksKeptMax)
    }
    const { network, previous, serial, threshold } = proposal.lock
    const first =
      network === live.state.id && previous === undefined && serial === (last?.lock.serial ?? 0) + 1 && threshold > 0
    if (first && isSignedBy(proposal, proposal.lock, scope)) return [proposal]
    throw notFollowing(last?.lock, proposal.lock)
  }

  const refuseLoss = (
    live: LiveNetwork,
    list: readonly Candidate[],
    lock: Lock | undefined,
    signed: ReadonlyMap<Name, Enrolment>,
  ): void => {
    const judge = judgeUnder(lock, { sha256, verify })
    if (judge === undefined) return
    const cut = list.filter(({ as, at, body, disabled, enrolment }) => {
      if (as !== 'present' || at !== undefined) return false
      const membership = membershipOf(signed.get(enrolment.name) ?? enrolment, body)
      const isPublished = live.publisher.records.has(`node/${enrolment.name}`)
      return !disabled && isPublished && judge({ ...body, membership }) === 'unsigned'
    })
    if (cut.length === 0) return
    throw new HoldfastError('conflict', `this lock would cut off ${named(cut.map(({ body }) => body.name))}`, {
      remedy:
        'Sign for every member first: `holdfast-hub lock sign FILE --all --key …`, with as many keys as it asks for.',
    })
  }

  const changesOf = (live: LiveNetwork, lock: Lock | undefined): readonly Change[] => {
    const network = intents.get('Network', live.state.name)?.resource as Resource<'Network'>
    const { membershipLock: _, ...spec } = network.spec
    const shown = isLocked(lock) ? { membershipLock: { keys: lock.keys, threshold: lock.threshold } } : {}
    return intents.prepare([{ ...network, spec: { ...spec, ...shown } }])
  }

  const submit: LockDesk['submit'] = (name, bundle, replace, actor) => {
    const live = liveNamed(name)
    if (bundle.network !== undefined && bundle.network.id !== live.state.id) {
      throw new HoldfastError('untrusted', `this was signed for network ${bundle.network.id}, not for ${name}`)
    }
    const before = locks.chain(live.state.id)
    const chain = chainWith(live, bundle.proposal, replace)
    const lock = chain.at(-1)?.lock
    const keys = new Map([...before.slice(-1), ...chain.slice(-1)].flatMap((one) => [...lockKeys(one.lock, sha256)]))
    const list = candidates(live, bundle.renumber)
    const given = takeSignatures(bundle.members, list, { network: live.state.id, keys, verify })
    const isNew = chain !== before
    if (isNew) refuseLoss(live, list, lock, given)
    const signed = withSignedDevices(list, given, judgeUnder(lock, { sha256, verify }))
    const all = new Map(list.map(({ enrolment }) => [enrolment.name, signed.get(enrolment.name) ?? enrolment]))
    const gone = before
      .filter((one) => !chain.includes(one))
      .map((one) => [`lock/${one.lock.serial}`, undefined] as const)
    const records = new Map<string, Uint8Array | undefined>([...gone, ...lockRecords(chain)])
    const changes = isNew ? changesOf(live, lock) : []
    const committed = options.commit(changes, actor, {
      enrolments: isNew ? all : signed,
      ...(isNew ? { lock: { of: live.state.name, judge: judgeUnder(lock, { sha256, verify }), records } } : {}),
      store() {
        for (const enrolment of signed.values()) store.putEnrolment(enrolment)
        if (isNew) locks.keep(live.state.id, chain)
        const audit = (target: string, detail: string): void =>
          store.putAudit({
            at: options.clock.now(),
            actor: actor.name,
            verb: 'sign',
            target,
            detail,
            whence: actor.whence,
          })
        if (isNew) audit(`lock/${name}`, lockWords(lock, replace))
        for (const enrolment of given.values()) {
          const { name: node, next, nextDevice } = enrolment
          const by = [enrolment, next ?? {}, nextDevice ?? {}].flatMap(signersIn)
          audit(`node/${node}`, `signed by ${[...new Set(by)].join(', ')}`)
          const turned = signed.get(node)
          if (nextDevice === undefined || turned?.deviceKey !== nextDevice.deviceKey) continue
          const detail = followWords(enrolments.get(node) ?? turned, nextDevice)
          store.putAudit({
            at: options.clock.now(),
            actor: node,
            verb: 'rotate-device-key',
            target: `node/${node}`,
            detail,
          })
        }
      },
    })
    if (isNew) locks.settle(live.state.id, chain)
    for (const [node, enrolment] of signed) {
      enrolments.set(node, enrolment)
      options.fleet.add(enrolment)
    }
    options.announce(changes, committed)
    return view(name, bundle.renumber)
  }

  return { view, submit }
}

function lockWords(lock: Lock | undefined, replace: boolean): string {
  if (!isLocked(lock)) return 'the lock is ended'
  const how = replace ? ', made anew without the keys of the one before' : ''
  return `lock ${lock.serial}, ${lock.threshold} of ${lock.keys.length} keys${how}`
}

function notFollowing(last: Lock | undefined, next: Lock): HoldfastError {
  const present = last === undefined ? 'there is none yet' : `lock ${last.serial} is in force`
  return new HoldfastError('untrusted', `lock ${next.serial} may not take its place here: ${present}`, {
    remedy:
      last === undefined
        ? 'The first lock has serial 1 and is signed by as many of its own keys as it asks for.'
        : 'It needs the signatures of the present keys, and of its own: `holdfast-hub lock change`, then `lock sign`.',
  })
}
