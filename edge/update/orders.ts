// Orders of the hub to run another version: kept, judged, and carried out when it is the time. What comes of it is told in every
// status; the change itself goes the way of every update, and takes itself back.

import { sameBytes } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log, Sha256, Timer, Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { NetworkId, NodeId } from '../../shared/ids.ts'
import type { TrustedKeys } from '../../shared/record/envelope.ts'
import { orderBytesMax } from '../../shared/update-limits.ts'
import { type Order, openOrder } from '../../shared/wire/order.ts'
import { Assembly, parseChunk } from '../../shared/wire/sync.ts'
import type { KeptOrder, OrderDoors, OrderView } from './order-doors.ts'
import { type Judged, judgeOrder, mayPass } from './standing.ts'
import type { Update } from './update.ts'

export interface OrdersOptions {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly sha256: Sha256
  readonly verify: Verify
  readonly inflate: (bytes: Uint8Array, bytesMax: number) => Uint8Array
  readonly doors: OrderDoors
  readonly network: NetworkId
  readonly self: NodeId
  readonly trusted: () => TrustedKeys
  readonly version: string
  readonly update: Pick<Update, 'begin' | 'busy' | 'kept'>
  /** The hub is there. */
  readonly isOnline: () => boolean
  readonly journal: (event: string, detail: string) => void
  /** Ends this process, so that the starter starts what was chosen. */
  readonly leave: () => void
  /** The view is another. */
  readonly onChange: () => void
}

export interface Orders {
  /** Once, at the start of the agent; behind `update.load`. */
  load(): void
  /** A chunk of a reply of kind `order`. Throws where it is no order for this device. */
  onReply(bytes: Uint8Array): void
  /** Something may have changed: the link is there, an update came to its end. */
  look(): void
  view(): OrderView
  stop(): void
}

/** A revision on trial takes half a minute; a hub that comes back tells by itself, and is looked for only in case. */
const LOOK_MS = 3_000
const AWAY_MS = 60_000
const RETRY_MS_MIN = 4_000
const RETRY_MS_MAX = 15 * 60_000

export function createOrders(options: OrdersOptions): Orders {
  const { clock, doors, entropy, log, update } = options
  let order: Order | undefined
  let kept: KeptOrder | undefined
  let view: OrderView = { serial: 0, state: 'none' }
  let assembly: Assembly | undefined
  let timer: Timer | undefined
  /** Monotonic; nothing is begun before. */
  let notBefore = 0
  let failures = 0
  let working = false
  let stage: 'fetch' | 'lay' = 'fetch'
  let stopped = false

  const show = (state: OrderView['state'], version?: string, detail?: string): void => {
    const next: OrderView = {
      serial: order?.serial ?? 0,
      state,
      ...(version === undefined ? {} : { version: version.slice(0, 64) }),
      ...(detail === undefined ? {} : { detail: detail.slice(0, 500) }),
    }
    if (JSON.stringify(next) === JSON.stringify(view)) return
    view = next
    options.onChange()
  }

  const again = (delayMs: number): void => {
    timer?.cancel()
    if (!stopped) timer = clock.after(delayMs, look)
  }

  const keep = (next: KeptOrder): void => {
    kept = next
    try {
      doors.keep(next)
    } catch (error) {
      log.warn('an order to update could not be kept', { reason: describeError(error) })
    }
  }

  /** What was carried out is not carried out again over the head of whoever put another version here by hand. */
  const consumed = (judged: Judged): Judged => {
    if (judged.state === 'done' && kept !== undefined && kept.done !== true) keep({ ...kept, done: true })
    if (judged.state !== 'go' || kept?.done !== true) return judged
    return { state: 'done', version: judged.version, detail: `${options.version} was put here by hand since` }
  }

  const judge = (): Judged => {
    if (order === undefined) return { state: 'none' }
    if (kept?.refused !== undefined) return { state: 'refused', detail: kept.refused }
    try {
      const place = {
        version: options.version,
        target: doors.target,
        releaseKeys: doors.releaseKeys(),
        kept: update.kept(),
      }
      return consumed(judgeOrder(order, place, options.verify))
    } catch (error) {
      return { state: 'refused', detail: describeError(error) }
    }
  }

  /** Why it is not the time, and when to look again. */
  const notNow = (): string | undefined => {
    if (!options.isOnline()) return 'the hub is away'
    return update.busy()
  }

  const failed = (version: string, error: unknown, doing: 'fetch' | 'lay'): void => {
    const detail = describeError(error)
    if (mayPass(error, doing)) {
      const ceilingMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** failures)
      failures += 1
      const delayMs = ceilingMs / 2 + (entropy.fraction() * ceilingMs) / 2
      notBefore = clock.monotonic() + delayMs
      log.warn('the update that the hub wants is tried again later', { version, reason: detail })
      show('waiting', version, detail)
      return again(delayMs)
    }
    log.warn('the update that the hub wants is refused', { version, reason: detail })
    options.journal('order-refused', `version ${version}: ${detail}`)
    if (kept !== undefined) keep({ ...kept, refused: detail.slice(0, 500) })
    doors.clear()
    show('refused', version, detail)
  }

  const carryOut = async ({ file, version }: Extract<Judged, { state: 'go' }>, of: Order): Promise<void> => {
    show('fetching', version)
    const path = await doors.fetch(file)
    stage = 'lay'
    if (order !== of || stopped) return
    const { sha256 } = await doors.lay(path, { version, downgrade: of.downgrade === true })
    const why = notNow()
    if (order !== of || stopped) return
    // It lies there; what remains is the moment.
    if (why !== undefined) throw new HoldfastError('failed', why)
    try {
      await update.begin(sha256)
    } catch (cause) {
      // Somebody else began one at the same moment, or the disk is full.
      throw new HoldfastError('failed', describeError(cause), { cause })
    }
    options.journal('order-begun', `version ${version}`)
    options.leave()
  }

  const look = (): void => {
    if (working || stopped) return
    timer?.cancel()
    timer = undefined
    const judged = judge()
    const of = order
    if (judged.state !== 'go' || of === undefined) {
      if (judged.state === 'trial') again(LOOK_MS)
      return show(
        judged.state === 'go' ? 'none' : judged.state,
        judged.version,
        judged.state === 'go' ? undefined : judged.detail,
      )
    }
    const leftMs = notBefore - clock.monotonic()
    const why = notNow()
    if (why !== undefined || leftMs > 0) {
      if (why !== undefined || view.state !== 'waiting')
        show('waiting', judged.version, why ?? 'its turn among the others')
      return again(Math.max(leftMs, options.isOnline() ? (why === undefined ? 0 : LOOK_MS) : AWAY_MS))
    }
    working = true
    stage = 'fetch'
    carryOut(judged, of)
      .catch((error: unknown) => {
        if (order === of && !stopped) failed(judged.version, error, stage)
      })
      .finally(() => {
        working = false
        if (order !== of) look()
      })
  }

  const open = (envelope: Uint8Array): Order => {
    const opened = openOrder(envelope, options.trusted(), options.verify)
    if (opened.network === options.network && opened.node === options.self) return opened
    throw new HoldfastError('untrusted', 'an order came that is not for this node')
  }

  const take = (envelope: Uint8Array): void => {
    const next = open(envelope)
    // The broker may bring one twice, or an old one.
    if (order !== undefined && next.serial <= order.serial) return
    order = next
    failures = 0
    notBefore = clock.monotonic() + entropy.fraction() * doors.spreadMs
    keep({ envelope })
    if (next.release === undefined) doors.clear()
    options.journal('order', next.release === undefined ? `${next.update} is withdrawn` : `of ${next.update}`)
    look()
  }

  return {
    load() {
      try {
        kept = doors.kept()
        if (kept !== undefined) order = open(kept.envelope)
      } catch (error) {
        // The hub tells it again.
        log.warn('an order to update that was kept is of no use', { reason: describeError(error) })
        kept = undefined
      }
      look()
    },
    onReply(bytes) {
      const chunk = parseChunk(bytes)
      if (assembly === undefined || assembly.id !== chunk.id) assembly = new Assembly(chunk.id)
      const whole = assembly.add(chunk)
      if (whole === undefined) return
      assembly = undefined
      if (!sameBytes(options.sha256(whole.deflated), whole.hash))
        throw new HoldfastError('invalid', 'an order arrived damaged')
      take(options.inflate(whole.deflated, orderBytesMax + 128))
    },
    look,
    view: () => view,
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}
