// Keeping the held set the newest one the hub has signed: heads say what there is, deltas bring it, catch-up fills gaps.

import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { compareVersion, noVersion, type Version } from '../../shared/record/head.ts'
import type { ReplyKind } from '../../shared/wire/sync.ts'
import { type Accepted, acceptDelta, acceptHead, acceptSnapshot, type Held } from '../trust/accept.ts'
import type { Anchors } from '../trust/keys.ts'
import { type CatchUp, createCatchUp } from './catch-up.ts'

export interface SyncOptions {
  readonly anchors: Anchors
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly inflate: (bytes: Uint8Array, bytesMax: number) => Uint8Array
  readonly held: () => Held | undefined
  /** Takes a verified set into force. */
  readonly onAccepted: (accepted: Accepted) => void
  /** Something was offered that may not come into force. */
  readonly onRefused: (detail: string, lasting: boolean) => void
  /** The newest head that the hub shows is sound. */
  readonly onSound: () => void
  readonly send: (payload: Uint8Array) => Promise<void>
}

export interface Sync {
  up(): void
  /** The hub is there; if no head comes of itself, it is asked. */
  hubOnline(): void
  onHead(bytes: Uint8Array): void
  onDelta(bytes: Uint8Array): void
  onReply(bytes: Uint8Array): void
  down(): void
}

/** A head that overtook its delta is common: so long, plus a random share, the delta may still come. */
const DELTA_GRACE_MS = 400
/** Without a head for so long, the broker has forgotten it. */
const HEAD_GRACE_MS = 5_000

export function createSync(options: SyncOptions): Sync {
  const { anchors, clock, entropy, log } = options
  /** Newest version a verified head has shown. */
  let target: Version | undefined
  let sawHead = false
  let olderHeads = 0

  const have = (): Version => options.held()?.version ?? noVersion
  const graceMs = (): number => DELTA_GRACE_MS + entropy.fraction() * DELTA_GRACE_MS

  const settle = (delayMs: number): void => {
    const held = have()
    if (target === undefined || compareVersion(held, target) >= 0) catchUp.done()
    else catchUp.need(held.epoch === target.epoch ? 'delta' : 'snapshot', delayMs)
  }

  const take = (accepted: Accepted): void => {
    options.onAccepted(accepted)
    if (target === undefined || compareVersion(target, accepted.next.version) < 0) target = accepted.next.version
    options.onSound()
    settle(graceMs())
  }

  const refuse = (what: string, error: unknown, lasting: boolean): void => {
    log.warn(`${what} was refused`, { reason: describeError(error) })
    options.onRefused(`${what}: ${describeError(error)}`.slice(0, 500), lasting)
  }

  const onFrame = (kind: ReplyKind, frame: Uint8Array): void => {
    const behind = target !== undefined && compareVersion(have(), target) < 0
    if (kind === 'current') {
      if (behind)
        throw new HoldfastError('invalid', 'the hub says that nothing is missing, its own head says otherwise')
      catchUp.done()
      return
    }
    try {
      take((kind === 'delta' ? acceptDelta : acceptSnapshot)(anchors, options.held(), frame))
    } catch (error) {
      // The delta topic brought meanwhile what the reply brings.
      if (behind || !isHoldfastError(error, 'stale')) throw error
      catchUp.done()
    }
  }

  const catchUp: CatchUp = createCatchUp({
    clock,
    entropy,
    log,
    sha256: anchors.sha256,
    inflate: options.inflate,
    have,
    send: options.send,
    onFrame,
    onRefused(error) {
      // Silence is no offence.
      if (!isHoldfastError(error, 'unreachable')) refuse('a reply of the hub', error, false)
    },
  })

  const onHeadError = (error: unknown, first: boolean): void => {
    // Brokers may deliver the retained head behind a live one: once in a session an older head means nothing.
    const current = target !== undefined && compareVersion(have(), target) >= 0
    if (isHoldfastError(error, 'stale') && current && ++olderHeads === 1) return
    refuse('the head on offer', error, !current)
    // A broker may show an old head, or none that verifies, forever: the hub itself knows what is newest. And perhaps the
    // keys changed while this device was away; a snapshot can prove it.
    const unknownKey = isHoldfastError(error, 'untrusted') && /unknown key/.test(error.message)
    catchUp.need(unknownKey ? 'snapshot' : 'delta', first ? 0 : graceMs())
  }

  return {
    up() {
      sawHead = false
      olderHeads = 0
      target = undefined
      // A broker may have forgotten the hub as well as its head; a hub that listens answers.
      catchUp.need('delta', HEAD_GRACE_MS + graceMs())
    },
    hubOnline() {
      // What was asked of a hub that was away may be asked again; not by the whole fleet at once.
      const spreadMs = entropy.fraction() * HEAD_GRACE_MS
      if (!sawHead) catchUp.need('delta', HEAD_GRACE_MS + graceMs())
      // No head was worth anything yet: what is being asked stays asked.
      else if (target === undefined) catchUp.need('delta', spreadMs)
      else settle(spreadMs)
    },
    onHead(bytes) {
      const first = !sawHead
      sawHead = true
      try {
        const head = acceptHead(anchors, options.held(), bytes)
        if (target === undefined || compareVersion(target, head) < 0) {
          target = { epoch: head.epoch, revision: head.revision }
        }
        options.onSound()
      } catch (error) {
        onHeadError(error, first)
        return
      }
      settle(first ? 0 : graceMs())
    },
    onDelta(bytes) {
      try {
        take(acceptDelta(anchors, options.held(), bytes))
      } catch (error) {
        // QoS 1 repeats messages: what is held already is no news.
        if (isHoldfastError(error, 'stale')) log.debug('a delta was not newer than what is held')
        else if (isHoldfastError(error, 'wrong-base')) catchUp.need('delta', graceMs())
        else refuse('a delta', error, false)
      }
    },
    onReply(bytes) {
      try {
        catchUp.onChunk(bytes)
      } catch (error) {
        refuse('a reply of the hub', error, false)
      }
    },
    down() {
      catchUp.down()
    },
  }
}
