// Brings the record of flows to the hub: what the hub does not have yet, in order, one window at a time, for as long as the
// hub is there. What it has is its own word, asked for at each connection; nothing is kept of that here, and nothing is let go
// because of it. At rest there is nothing to send and no timer.
//
// Where each byte is paid for, it goes six hours apart and within a share of the day; the rest waits on record, and goes when
// there is room. What the record lets go of meanwhile shows at the hub as missing, by its numbers.

import { fromHex, sameBytes, toHex } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log, Sha256, Signer, Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { flowMeteredBytesPerDay, flowWindowBytesMax } from '../../shared/flow-limits.ts'
import type { Link } from '../../shared/flows/chain.ts'
import { base32, type NetworkId, type NodeId } from '../../shared/ids.ts'
import { leadBy } from '../../shared/record/device-link.ts'
import {
  encodeLedgerMessage,
  joinBatches,
  type LedgerAnswer,
  type LedgerStatement,
  parseLedgerAnswer,
  sealStatement,
} from '../../shared/wire/ledger.ts'
import { parseChunk } from '../../shared/wire/sync.ts'
import type { FlowChain } from './ledger.ts'
import type { Taken } from './taken.ts'

export interface FlowSenderOptions {
  readonly network: NetworkId
  readonly node: NodeId
  readonly signer: Signer
  /** What leads to the key of `signer` from those that the hub may know. */
  readonly links: () => readonly Uint8Array[]
  readonly ledger: FlowChain
  readonly deflate: (bytes: Uint8Array) => Uint8Array
  /** Each byte is paid for. */
  readonly metered: boolean
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly sha256: Sha256
  /** Rejects where the link is down. */
  readonly send: (payload: Uint8Array) => Promise<void>
  readonly taken: Pick<Taken, 'isHeard' | 'note'>
}

export interface FlowSender {
  /** The hub is there, or there anew. */
  hubOnline(): void
  /** There is one batch more on record. */
  appended(): void
  /** A reply of the kind `ledger`. Throws `invalid`. */
  onReply(chunk: Uint8Array): void
  down(): void
  /** Batches that the hub has, as it said last; undefined where it has not. */
  atHub(): number | undefined
}

/** A fleet that comes back together asks spread over this; intent and facts go first. */
const SPREAD_MS = 10_000
/** Batches come ten seconds apart: some of them together, and so many syncs of an SD card. */
const GATHER_MS = 30_000
const GATHER_METERED_MS = 6 * 3_600_000
/** Between two windows, and never less than the one before took: other words have half of the link. */
const PAUSE_MS_MIN = 250
/** A window of 16 KB at 8 kbit/s; a hub with much to do answers later, or not at all. */
const RETRY_MS_MIN = 60_000
const RETRY_MS_MAX = 3_600_000
const DAY_MS = 86_400_000

/** Bytes that may be sent now, of a day's share: so many at the start, so that restarts don't cost more than days do. */
function createShare(clock: Clock) {
  let left = flowWindowBytesMax
  let at = clock.monotonic()
  return {
    isThere(): boolean {
      const now = clock.monotonic()
      left = Math.min(flowMeteredBytesPerDay, left + ((now - at) / DAY_MS) * flowMeteredBytesPerDay)
      at = now
      return left > 0
    },
    take: (bytes: number): void => void (left -= bytes),
  }
}

export function createFlowSender(options: FlowSenderOptions): FlowSender {
  const { clock, entropy, ledger, log, metered, network, node, sha256, signer, taken } = options
  const share = createShare(clock)
  const gatherMs = metered ? GATHER_METERED_MS : GATHER_MS
  let online = false
  /** The hub's last answer on this connection. */
  let hub: LedgerAnswer | undefined
  let known: number | undefined
  let awaited: string | undefined
  let askedAt = 0
  let timer: Timer | undefined
  let failures = 0
  let refused: string | undefined
  /** What the hub had when a window went there. */
  let countBefore: number | undefined
  /** The hub has all up to here. */
  let done: { readonly count: number; readonly head: string } | undefined
  let sentAt = Number.NEGATIVE_INFINITY

  const plan = (delayMs: number): void => {
    timer?.cancel()
    timer = clock.after(delayMs, look)
  }

  const planRetry = (): void => {
    const ceilingMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** failures)
    failures += 1
    plan(RETRY_MS_MIN / 2 + entropy.fraction() * ceilingMs)
  }

  const isDone = (): boolean => {
    const { count, head } = ledger.checkpoint()
    return count === 0 || (done?.count === count && done.head === head)
  }

  /** A hub that never said what it takes is asked that, too. */
  const isAtRest = (): boolean => isDone() && taken.isHeard()

  /** Where to go on; undefined where what the hub has is no part of this record. */
  const nextAfter = ({ count: has, head: theirs }: LedgerAnswer): number | undefined => {
    const { before, count, oldest } = ledger.checkpoint()
    if (has < oldest - 1) return oldest
    if (has > count) return undefined
    const own = has === oldest - 1 ? fromHex(before) : ledger.hashOf(has)
    return own !== undefined && sameBytes(own, fromHex(theirs)) ? has + 1 : undefined
  }

  const windowFrom = (seq: number): readonly Link[] => {
    const links: Link[] = []
    let bytes = 0
    for (const link of ledger.from(seq)) {
      bytes += link.batch.length + 4
      if (links.length > 0 && bytes > flowWindowBytesMax) break
      links.push(link)
    }
    return links
  }

  const compose = (id: string, answer: LedgerAnswer): Uint8Array => {
    const { before, count, head, oldest } = ledger.checkpoint()
    const next = nextAfter(answer)
    // Another record than the hub knows: it is taken where it says itself that the one before was not whole.
    const broken = next === undefined ? ledger.newestDamaged() : undefined
    const links = next === undefined && broken === undefined ? [] : windowFrom(next ?? oldest)
    const statement: LedgerStatement = {
      network,
      node,
      word: answer.word,
      count,
      head,
      oldest,
      before,
      first: links[0]?.seq ?? count + 1,
      last: links.at(-1)?.seq ?? count,
      hash: toHex(links.at(-1)?.hash ?? fromHex(head)),
      ...(broken === undefined ? {} : { began: { seq: broken.seq, hash: toHex(broken.hash) } }),
    }
    return encodeLedgerMessage({
      id,
      window: {
        statement: leadBy(options.links(), sealStatement(statement, signer, sha256)),
        deflated: links.length === 0 ? new Uint8Array(0) : options.deflate(joinBatches(links.map((one) => one.batch))),
      },
    })
  }

  const look = (): void => {
    timer = undefined
    if (!online || isAtRest()) return
    // No answer came to the last message: what the hub has is asked anew.
    if (awaited !== undefined) hub = undefined
    if (metered && hub !== undefined && !share.isThere()) return plan(GATHER_METERED_MS)
    const id = base32(entropy.bytes(10), 16)
    try {
      if (hub !== undefined) ledger.secure()
      const message = hub === undefined ? encodeLedgerMessage({ id }) : compose(id, hub)
      if (hub !== undefined) sentAt = clock.monotonic()
      countBefore = hub?.count
      awaited = id
      askedAt = clock.monotonic()
      share.take(message.length)
      options.send(message).catch((error: unknown) => {
        log.debug('flows were not sent', { reason: describeError(error) })
      })
    } catch (error) {
      log.warn('flows cannot be sent', { reason: describeError(error) })
    }
    planRetry()
  }

  /** What waits for its time does not wait longer because the hub was away. */
  const planNext = (tookMs: number): void => {
    const isMore = countBefore !== undefined || hub?.count === 0
    const dueMs = sentAt + gatherMs - clock.monotonic()
    plan(isMore ? Math.max(PAUSE_MS_MIN, tookMs) : Math.max(PAUSE_MS_MIN, tookMs, metered ? dueMs : 0))
  }

  const follow = (answer: LedgerAnswer, tookMs: number): void => {
    if (answer.refused !== undefined) {
      if (refused !== answer.refused) log.warn('the hub refuses the record of flows', { why: answer.refused })
      refused = answer.refused
      hub = undefined
      return plan(RETRY_MS_MAX)
    }
    refused = undefined
    const { count, head } = ledger.checkpoint()
    if (answer.count === count && answer.head === head) {
      done = { count, head }
      failures = 0
      timer?.cancel()
      timer = undefined
      return
    }
    // A hub that takes nothing of what it is brought is not brought the same over and over.
    if (answer.count === countBefore) return planRetry()
    failures = 0
    planNext(tookMs)
  }

  return {
    hubOnline() {
      online = true
      hub = undefined
      awaited = undefined
      failures = 0
      if (!isAtRest()) plan(entropy.fraction() * SPREAD_MS)
    },
    appended() {
      if (!online || timer !== undefined) return
      // Whether the first look or the hub is there first is chance: the first of all goes as it would have with the hub.
      const isFirst = sentAt === Number.NEGATIVE_INFINITY
      plan(isFirst ? entropy.fraction() * SPREAD_MS : Math.max(GATHER_MS, sentAt + gatherMs - clock.monotonic()))
    },
    onReply(bytes) {
      const { data, id } = parseChunk(bytes)
      if (id !== awaited) return
      awaited = undefined
      hub = parseLedgerAnswer(data)
      known = hub.count
      taken.note(hub.takes ?? [])
      follow(hub, clock.monotonic() - askedAt)
    },
    atHub: () => known,
    down() {
      online = false
      hub = undefined
      awaited = undefined
      timer?.cancel()
      timer = undefined
    },
  }
}
