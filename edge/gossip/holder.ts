// What this node holds and takes, as an exchange asks for it: the set and the facts of the agent behind one face.

import type { Sha256 } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { deltaFrameMax, encodeSnapshot, snapshotFrameMax } from '../../shared/record/delta.ts'
import { noVersion } from '../../shared/record/head.ts'
import type { Frame } from '../../shared/wire/frames.ts'
import { type GossipState, type Stamp } from '../../shared/wire/gossip-state.ts'
import type { HeldFact } from '../store/store.ts'
import type { Held } from '../trust/accept.ts'
import type { FactBook } from '../trust/fact-book.ts'
import type { Holding } from '../trust/holding.ts'
import type { Intake } from '../trust/intake.ts'
import type { Members } from '../trust/members.ts'
import { type IntentSource, sourceText } from '../trust/origin.ts'
import type { Steps } from './deltas.ts'
import type { Holder } from './exchange.ts'
import { createFactDigest, rootHalf } from './state.ts'

export interface HoldingsOptions {
  readonly self: NodeId
  readonly sha256: Sha256
  readonly deflate: (bytes: Uint8Array) => Uint8Array
  readonly inflate: (bytes: Uint8Array, bytesMax: number) => Uint8Array
  readonly holding: Pick<Holding, 'held'>
  readonly members: Pick<Members, 'keyOf'>
  readonly facts: Pick<FactBook, 'facts' | 'offer' | 'revision'>
  /** What this node says of itself. */
  readonly ownFact: () => HeldFact | undefined
  readonly intake: Pick<Intake, 'offer'>
  readonly steps: Steps
  readonly online: () => boolean
  /** A newer fact of another node was taken. `by`: who brought it. */
  readonly onFact: (about: NodeId, by: NodeId | undefined) => void
  /** Somebody gave intent that may not come into force. */
  readonly onRefused: (detail: string) => void
  /** Somebody knows a fact in this node's own name. */
  readonly onOwnFact: (envelope: Uint8Array) => void
}

export interface Holdings {
  state(): GossipState
  fact(node: NodeId): Uint8Array | undefined
  /** Takes a fact that came by itself; true if it is news. */
  takeFact(node: NodeId, envelope: Uint8Array, by: NodeId | undefined): boolean
  /** `by`: the node at the other end, if one is. */
  holder(from: IntentSource, by: NodeId | undefined): Holder
}

export function createHoldings(options: HoldingsOptions): Holdings {
  const { facts, holding, intake, members, self, steps } = options
  const digest = createFactDigest(options.sha256)
  let stamps: ReadonlyMap<NodeId, Stamp> = new Map()
  let sum = digest.of([])
  let madeOf = ''
  /** Of the set that is held. */
  let rooted: { readonly in: Held | undefined; readonly half: Uint8Array } | undefined
  /** The last frame of intent, deflated: peers that are behind are behind alike. */
  let made: { readonly held: Held; readonly from: string; readonly frame: Frame } | undefined

  /** Facts of others, and this node's own; looked at anew only where one changed. */
  const refresh = (): void => {
    const own = options.ownFact()
    const key = `${facts.revision()} ${own?.fact.boot} ${own?.fact.seq}`
    if (key === madeOf) return
    madeOf = key
    const next = new Map<NodeId, Stamp>()
    for (const [node, { fact }] of facts.facts) if (node !== self) next.set(node, { boot: fact.boot, seq: fact.seq })
    if (own !== undefined) next.set(self, { boot: own.fact.boot, seq: own.fact.seq })
    stamps = next
    sum = digest.of(stamps)
  }

  const state = (): GossipState => {
    refresh()
    const held = holding.held()
    if (rooted === undefined || rooted.in !== held) rooted = { in: held, half: rootHalf(held) }
    return { version: held?.version ?? noVersion, root: rooted.half, facts: sum, online: options.online() }
  }

  const factOf = (node: NodeId): Uint8Array | undefined =>
    node === self ? options.ownFact()?.envelope : facts.facts.get(node)?.envelope

  const takeFact: Holdings['takeFact'] = (node, envelope, by) => {
    if (node === self) {
      options.onOwnFact(envelope)
      return false
    }
    // Of a node without a record nobody can tell whether it is true; it may be of a set that is still to come.
    if (members.keyOf(node) === undefined || facts.offer(node, envelope) === undefined) return false
    options.onFact(node, by)
    return true
  }

  const intentFor = ({ root, version }: GossipState): Frame => {
    const held = holding.held()
    if (held === undefined) return { type: 'end' }
    const from = `${version.epoch}.${version.revision} ${root.join()}`
    if (made?.held === held && made.from === from) return made.frame
    const delta = steps.from(version, root, held)
    const frame: Frame =
      delta === undefined
        ? { type: 'snapshot', deflated: options.deflate(encodeSnapshot(held.records, held.envelope)) }
        : { type: 'delta', deflated: options.deflate(delta) }
    made = { held, from, frame }
    return frame
  }

  return {
    state,
    fact: factOf,
    takeFact,
    holder: (from, by) => ({
      state,
      stamps() {
        refresh()
        return stamps
      },
      fact: factOf,
      intentFor,
      takeIntent(kind, deflated) {
        try {
          const frame = options.inflate(deflated, kind === 'delta' ? deltaFrameMax : snapshotFrameMax)
          intake.offer(kind, frame, from)
        } catch (error) {
          options.onRefused(`a ${kind} from ${sourceText(from)}: ${describeError(error)}`.slice(0, 500))
          throw error
        }
      },
      takeFact: (node, envelope) => void takeFact(node, envelope, by),
    }),
  }
}
