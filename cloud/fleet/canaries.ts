// How each canary stands: who goes first, whether the newest revision has proven itself there, and whether it stopped because
// a node took it back. Finishing it is all that the hub does by itself; what is wrong is for people to mend.

import { type Candidate, chosenBy, turnsOf } from '../../shared/canary/goes-first.ts'
import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { type Name, type NodeId, parseName } from '../../shared/ids.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import type { CanaryState } from '../hub.ts'
import type { Intents } from '../source/intents.ts'
import type { Member } from './progress.ts'

export interface CanariesOptions {
  readonly clock: Clock
  readonly log: Log
  readonly intents: Pick<Intents, 'get' | 'of'>
  /** Devices that are waited for. */
  readonly members: (network: Name) => readonly Member[]
  /** Undefined while something is not signed yet. */
  readonly newest: (network: Name) => Version | undefined
  /** Deletes the canary: all others follow. */
  readonly finish: (name: Name) => void
}

export interface Canaries {
  states(network: Name): readonly CanaryState[]
  /** True for a node that others go before. */
  waits(network: Name): (node: NodeId) => boolean
  start(): void
  stop(): void
}

/** A minute of proof is not shortened much by it, and a fleet of thousands is looked at in milliseconds. */
const LOOK_MS = 5_000
/** Devices whose names are shown. */
const NAMES_MAX = 64

type CanaryResource = Resource<'Canary'>

export function createCanaries({ clock, finish, intents, log, members, newest }: CanariesOptions): Canaries {
  /** Since when the newest revision of a network has proven itself on all that go first, by canary. */
  const provenSince = new Map<Name, { readonly version: Version; readonly at: number }>()
  let timer: Timer | undefined

  const of = (network: Name): readonly CanaryResource[] =>
    [...intents.of('Canary')]
      .map(({ resource }) => resource as CanaryResource)
      .filter(({ spec }) => spec.network === network)

  const candidates = (list: readonly Member[]): readonly Candidate[] =>
    list.map(({ name, nodeId }) => {
      const node = intents.get('Node', name)?.resource as Resource<'Node'> | undefined
      return { nodeId, labels: node?.spec.labels ?? {} }
    })

  const asCanary = ({ metadata, spec }: CanaryResource) => ({ name: metadata.name, spec })

  const stateOf = (canary: CanaryResource, list: readonly Member[], version: Version): CanaryState => {
    const chosen = chosenBy(asCanary(canary), candidates(list))
    const first = list.filter(({ nodeId }) => chosen.has(nodeId))
    const has = ({ applied, lastGood }: Member): boolean =>
      compareVersion(applied, version) >= 0 && compareVersion(lastGood, version) >= 0
    const takenBack = first.flatMap(({ takenBack: taken }) =>
      taken !== undefined && compareVersion(taken.version, version) >= 0 ? [taken] : [],
    )
    const proven = first.filter(has).length
    const isProven = proven > 0 && first.every((member) => has(member) || !member.online)
    const { name } = canary.metadata
    return {
      name,
      first: first.map((member) => member.name).slice(0, NAMES_MAX),
      firstTotal: first.length,
      proven,
      state: takenBack.length > 0 ? 'stopped' : isProven ? 'proven' : 'watching',
      takenBack,
      ...finishIn(canary, version),
    }
  }

  const finishIn = ({ metadata: { name }, spec }: CanaryResource, version: Version): Pick<CanaryState, 'finishInS'> => {
    const since = provenSince.get(name)
    if (spec.finishAfterS === undefined || since === undefined || compareVersion(since.version, version) !== 0)
      return {}
    return { finishInS: Math.max(0, Math.ceil(spec.finishAfterS - (clock.monotonic() - since.at) / 1_000)) }
  }

  const states = (network: Name): readonly CanaryState[] => {
    const canaries = of(network)
    const version = newest(network)
    if (canaries.length === 0 || version === undefined) return []
    const list = members(network)
    return canaries.map((canary) => stateOf(canary, list, version))
  }

  const judge = (network: Name, version: Version): void => {
    for (const { finishInS, name, state } of states(network)) {
      const since = provenSince.get(name)
      if (state !== 'proven') provenSince.delete(name)
      else if (since === undefined || compareVersion(since.version, version) !== 0) {
        provenSince.set(name, { version, at: clock.monotonic() })
      } else if (finishInS === 0) {
        log.info('the canary has proven the revision; all others follow', { canary: name })
        finish(name)
      }
    }
  }

  const look = (): void => {
    timer = clock.after(LOOK_MS, look)
    const canaries = [...intents.of('Canary')].map(({ resource }) => resource as CanaryResource)
    const names = new Set(canaries.map(({ metadata }) => metadata.name))
    for (const name of provenSince.keys()) if (!names.has(name)) provenSince.delete(name)
    for (const network of new Set(canaries.map(({ spec }) => parseName(spec.network)))) {
      const version = newest(network)
      try {
        if (version !== undefined) judge(network, version)
      } catch (error) {
        log.warn('a canary cannot be judged', { network, reason: describeError(error) })
      }
    }
  }

  return {
    states,
    waits(network) {
      const canaries = of(network).map(asCanary)
      if (canaries.length === 0) return () => false
      const isTurn = turnsOf(canaries, candidates(members(network)))
      return (node) => !isTurn(node)
    },
    start: () => void (timer = clock.after(LOOK_MS, look)),
    stop: () => timer?.cancel(),
  }
}
