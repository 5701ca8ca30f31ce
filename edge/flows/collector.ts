// When the kernel's counters are looked at, and what becomes of that: a batch in the ledger. Every ten seconds while the mesh's
// interface moves packets, else once a minute, because what is refused on its way out never gets to the interface; at once
// before policy changes and when somebody asks. A look that takes long makes the next one wait: a hundredth of a core is its
// share. A disk that takes no writes is said, and nothing else.

import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { Amount, FlowBatch, FlowLoss } from '../../shared/flows/batch.ts'
import { encodeBatch } from '../../shared/flows/batch.ts'
import { flowBatchBytesMax, flowBatchesWaitingMax } from '../../shared/limits.ts'
import type { FlowReader, FlowSnapshot } from './counters.ts'
import { deltasOf } from './deltas.ts'
import type { FlowLedger } from './ledger.ts'
import { type Serving, withOutside } from './outside.ts'
import { emptyScene, ownAddresses, type Scene } from './scene.ts'
import { type Summary, summarise, type Way } from './summary.ts'
import { createUnseen } from './unseen.ts'

export interface CollectorOptions {
  readonly clock: Clock
  readonly log: Log
  readonly reader: FlowReader
  readonly ledger: Pick<FlowLedger, 'append' | 'last'>
  readonly boot: () => number
  /** What flows are judged by and called, as of now. */
  readonly scene: () => Scene
  readonly wayTo: (node: string) => Way | undefined
  /** Where people outside the mesh are served; undefined where nobody is, or who they are goes on no record. */
  readonly serving: () => Serving | undefined
  /** Runs a write; a failure becomes a condition. */
  readonly write: (doing: string, run: () => void) => boolean
  /** The ledger before was not whole: said in the first batch. */
  readonly damaged: boolean
}

export interface Collector {
  start(): void
  /** Looks now, unless a look is on its way already; never throws. */
  collect(): Promise<void>
  /** Another policy is in force from now on. */
  adoptScene(): void
  /** Looks a last time. */
  stop(): Promise<void>
}

const TICK_MS = 10_000
const QUIET_MS = 60_000
/** Fewer are the agents' own words. */
const PACKETS_MIN = 20
/** Less than half of what nft remembers a silent flow for. */
const REST_MS_MAX = 120_000
/** A look may take this part of the time; all of the record may take a hundredth, and what looks leave to collect costs, too. */
const SHARE = 200
const NOTHING: Amount = { packets: 0, bytes: 0 }

function sum(a: Amount, b: Amount): Amount {
  return { packets: a.packets + b.packets, bytes: a.bytes + b.bytes }
}

function amountOf({ lostBefore, records }: FlowBatch): Amount {
  const lost = lostBefore.map(({ amount }) => amount ?? NOTHING)
  return [...records.map(({ back, sent }) => sum(sent, back)), ...lost].reduce(sum, NOTHING)
}

/** What nobody looked at between the last batch of another process and the first look of this one. */
function missed(last: FlowBatch | undefined, { epoch, fresh, total }: FlowSnapshot): readonly FlowLoss[] {
  if (last === undefined) return []
  const { counts } = last
  if (fresh || counts.epoch !== epoch || total.packets < counts.total.packets) return [{ why: 'restart' }]
  const packets = total.packets - counts.total.packets
  const bytes = Math.max(0, total.bytes - counts.total.bytes)
  return packets === 0 ? [] : [{ why: 'restart', amount: { packets, bytes } }]
}

function whenAny(why: FlowLoss['why'], amount: Amount): readonly FlowLoss[] {
  return amount.packets === 0 ? [] : [{ why, amount }]
}

/** Labels of hundreds of nodes may be more than a batch takes; names are not. */
function fitting(batch: FlowBatch): FlowBatch {
  if (encodeBatch(batch).length <= flowBatchBytesMax) return batch
  return { ...batch, ends: batch.ends.map(({ labels: _labels, ...end }) => end) }
}

export function createCollector(options: CollectorOptions): Collector {
  const { clock, ledger, log, reader, wayTo, write } = options
  const unseen = createUnseen()
  let timer: Timer | undefined
  let running: Promise<void> | undefined
  let stopped = false
  let scene: Scene = emptyScene
  let before: FlowSnapshot | undefined
  let owed: readonly FlowLoss[] = options.damaged ? [{ why: 'damaged' }] : []
  let waiting: readonly FlowBatch[] = []
  let from = clock.now()
  let moved: number | undefined
  let lookedAt = Number.NEGATIVE_INFINITY
  let restUntil = Number.NEGATIVE_INFINITY

  const keep = (): void => {
    while (waiting.length > 0) {
      const [next, ...rest] = waiting
      if (next === undefined || !write('keep flows on record', () => ledger.append(next))) break
      waiting = rest
    }
    const [first, ...rest] = waiting
    if (first === undefined || waiting.length <= flowBatchesWaitingMax) return
    waiting = rest
    const dropped = [
      ...owed.filter(({ why }) => why === 'disk').map(({ amount }) => amount ?? NOTHING),
      amountOf(first),
    ]
    owed = [...owed.filter(({ why }) => why !== 'disk'), { why: 'disk', amount: dropped.reduce(sum) }]
  }

  /** What this look adds to the last one: nothing where counting began anew, and that itself. */
  const compare = (
    snapshot: FlowSnapshot,
  ): { readonly base: FlowSnapshot | undefined; readonly lost: readonly FlowLoss[] } => {
    const base = snapshot.fresh ? undefined : snapshot
    if (before === undefined) return { base, lost: missed(ledger.last()?.batch, snapshot) }
    return before.epoch === snapshot.epoch ? { base: before, lost: [] } : { base, lost: [{ why: 'reset' }] }
  }

  const note = (snapshot: FlowSnapshot, serving: Serving | undefined): void => {
    const { base, lost } = compare(snapshot)
    const counted = deltasOf(base, snapshot)
    const full = [counted.unroomed, unseen.note(snapshot, counted)].reduce(sum)
    const { led = [] } = snapshot
    const own = ownAddresses(scene)
    const deltas =
      serving === undefined ? counted : { ...counted, flows: withOutside(counted.flows, { ...serving, led, own }) }
    const to = clock.now()
    const { crowded, ends, records }: Summary = summarise({ deltas, scene, atMs: to, wayTo })
    before = snapshot
    const lostBefore = [...owed, ...lost, ...whenAny('full', full), ...whenAny('crowded', crowded)]
    if (records.length > 0 || lostBefore.length > 0) {
      const { by, epoch, total } = snapshot
      const counts = { by, epoch, total }
      const batch = {
        from: Math.min(from, to),
        to,
        boot: options.boot(),
        revision: scene.revision,
        counts,
        ends,
        records,
        lostBefore,
      }
      waiting = [...waiting, fitting(batch)]
      owed = []
    }
    from = to
    keep()
  }

  const look = async (): Promise<void> => {
    const began = clock.monotonic()
    lookedAt = began
    moved = reader.moved()
    try {
      const serving = options.serving()
      note(await reader.read({ led: serving !== undefined }), serving)
    } catch (error) {
      log.debug('flows were not read', { reason: describeError(error) })
    }
    const tookMs = clock.monotonic() - began
    restUntil = began + Math.min(REST_MS_MAX, tookMs * SHARE)
    // What came with newer records and changed no verdict counts from here on.
    scene = options.scene()
  }

  const collect = (): Promise<void> => {
    running ??= look().finally(() => void (running = undefined))
    return running
  }

  const isDue = (): boolean => {
    const now = clock.monotonic()
    const packets = reader.moved()
    if (packets === undefined || now < restUntil) return false
    return now - lookedAt >= QUIET_MS || Math.abs(packets - (moved ?? 0)) >= PACKETS_MIN
  }

  const tick = (): void => {
    if (stopped) return
    if (isDue()) void collect()
    timer = clock.after(TICK_MS, tick)
  }

  return {
    start() {
      scene = options.scene()
      tick()
    },
    collect,
    adoptScene: () => void (scene = options.scene()),
    async stop() {
      stopped = true
      timer?.cancel()
      await running
      await collect()
    },
  }
}
