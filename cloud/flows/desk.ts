// Takes in the records of flows that devices bring: each window is judged, stored and answered; what does not hold becomes a
// condition of its device. Windows wait for each other and for everything else the hub does: a fleet that comes back with weeks
// on record delays no intent.

import { fromBase64, toHex } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log, Sha256, Timer, Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { flowWindowsWaitingBytesMax } from '../../shared/flow-limits.ts'
import { parseBatch } from '../../shared/flows/batch.ts'
import { createFlowTally, type FlowTally } from '../../shared/flows/tally.ts'
import { inflate } from '../../shared/host/inflate.ts'
import { base32, type Name, type NetworkId, type NodeId } from '../../shared/ids.ts'
import { flowBatchBytesMax, rateKeysMax } from '../../shared/limits.ts'
import type { DeviceLink } from '../../shared/record/device-link.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import {
  encodeLedgerAnswer,
  type LedgerMessage,
  type LedgerStatement,
  ledgerTakes,
  openStatement,
  parseLedgerMessage,
  splitBatches,
} from '../../shared/wire/ledger.ts'
import { encodeChunks } from '../../shared/wire/sync.ts'
import type { AuditRow } from '../audit.ts'
import { unled } from '../fleet/device-facts.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { FlowExport } from '../otlp/flow-export.ts'
import type { Enrolment } from '../store/hub-store.ts'
import type { FleetFlowFigures } from './flow-figures.ts'
import type { FlowStore, LedgerFault, LedgerState, TakenWindow } from './flow-store.ts'
import { judgeWindow, noEnd } from './judge.ts'

export interface FlowDeskOptions {
  readonly store: FlowStore
  readonly fleet: Pick<Fleet, 'enrolment' | 'accepted' | 'refused'>
  readonly networkId: (network: Name) => NetworkId | undefined
  readonly onLinks: (node: NodeId, links: readonly DeviceLink[]) => void
  readonly putAudit: (row: AuditRow) => void
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly sha256: Sha256
  readonly verify: Verify
  /** What they go to from here; absent where they stay. */
  readonly flowExport?: FlowExport | undefined
}

/** Hands a chunk to the device. */
type Reply = (chunk: Uint8Array) => void

export interface FlowDesk {
  /** A message of a member; it is dealt with when it is its turn. */
  hear(node: NodeId, payload: Uint8Array, reply: Reply): void
  /** What is wrong with the record of that device; undefined where nothing is known to be. */
  fault(node: NodeId): LedgerFault | undefined
  figures(): FleetFlowFigures
  /** What is known of the record of each device. */
  ledgers(): readonly LedgerState[]
  /** Begins anew with what the device has. Throws `not-found` where nothing is wrong with it. */
  accept(node: NodeId): void
  stop(): void
}

/** Of the time of the hub, one part in so many. */
const SHARE = 4
/** A window may hold one batch of the largest. */
const INFLATED_BYTES_MAX = flowBatchBytesMax + 4

interface Waiting {
  readonly payload: Uint8Array
  readonly reply: Reply
}

export function createFlowDesk(options: FlowDeskOptions): FlowDesk {
  const { clock, entropy, fleet, flowExport, log, sha256, store } = options
  const states = new Map<NodeId, LedgerState>(store.ledgers().map((state) => [state.node, state]))
  /** Of the last answer to each. */
  const words = new Map<NodeId, string>()
  const faults = new Map<NodeId, LedgerFault>()
  const waiting = new Map<NodeId, Waiting>()
  const tallies = new Map<Name, FlowTally>()
  let waitingBytes = 0
  let timer: Timer | undefined
  let failing = false

  const stateOf = ({ name, network, nodeId: node }: Enrolment): LedgerState =>
    states.get(node) ?? { node, name, network, ...noEnd, told: 0, at: clock.now() }

  const tell = ({ fault, node }: LedgerState): void => {
    if (fault === undefined) faults.delete(node)
    else faults.set(node, fault)
  }

  /** `refused`: why what came with the message was not taken. */
  const answer = (state: LedgerState, id: string, refused: string | undefined, reply: Reply): void => {
    const word = base32(entropy.bytes(10), 16)
    words.delete(state.node)
    words.set(state.node, word)
    const [eldest] = words.keys()
    if (words.size > rateKeysMax && eldest !== undefined) words.delete(eldest)
    const { count, head } = state
    const payload = encodeLedgerAnswer({
      word,
      count,
      head,
      takes: [...ledgerTakes],
      ...(refused === undefined ? {} : { refused }),
    })
    for (const chunk of encodeChunks('ledger', id, payload, sha256(payload))) reply(chunk)
  }

  const audit = (name: Name, verb: string, detail: string): void => {
    try {
      options.putAudit({ at: clock.now(), actor: name, verb, target: `node/${name}`, detail })
    } catch (error) {
      log.warn('the audit log takes no row', { reason: describeError(error) })
    }
  }

  /** A disk that takes no writes is told as a condition of who waits for it; the device asks again later. */
  const keep = (state: LedgerState, write: () => void): boolean => {
    try {
      write()
      states.set(state.node, state)
      if (failing) log.info('flows are stored again')
      failing = false
      tell(state)
      return true
    } catch (error) {
      const detail = describeError(error)
      if (!failing) log.error('flows are not stored; devices keep them', { reason: detail })
      failing = true
      const since = faults.get(state.node)?.since ?? clock.now()
      faults.set(state.node, { code: 'flow-store-failed', since, detail: detail.slice(0, 500) })
      return false
    }
  }

  const note = (state: LedgerState, links: TakenWindow['links']): void => {
    const { network } = state
    const tally = tallies.get(network) ?? createFlowTally()
    tallies.set(network, tally)
    for (const { parsed, seq } of links) {
      tally.note(parsed)
      flowExport?.note(state, seq, parsed)
    }
  }

  const refuse = (state: LedgerState, code: LedgerFault['code'], detail: string): LedgerState | undefined => {
    const { fault } = state
    if (fault?.code === code && fault.detail === detail) {
      tell(state)
      return state
    }
    const next = { ...state, at: clock.now(), fault: { code, since: fault?.since ?? clock.now(), detail } }
    log.warn('the record of flows of a node is refused', { node: state.name, code, detail })
    audit(state.name, 'refused', `${code}: ${detail}`)
    return keep(next, () => store.putState(next)) ? next : undefined
  }

  const stated = (enrolment: Enrolment, signed: Uint8Array): LedgerStatement => {
    const { nodeId: node } = enrolment
    const envelope = unled(node, signed, options)
    // The links in front may have led to another key just now.
    const { deviceKey, network } = fleet.enrolment(node) ?? enrolment
    const statement = openStatement(envelope, trustedKeys([fromBase64(deviceKey)], sha256), options.verify)
    if (statement.node === node && statement.network === options.networkId(network)) return statement
    throw new HoldfastError('untrusted', 'a window of flows is of another node')
  }

  /** Returns what is to be answered; undefined where the device is to ask again later. */
  const takeWindow = (
    enrolment: Enrolment,
    { deflated, statement: signed }: NonNullable<LedgerMessage['window']>,
  ): LedgerState | undefined => {
    const statement = stated(enrolment, signed)
    const { name, network, nodeId: node } = enrolment
    const known = stateOf(enrolment)
    // Sent before the last answer, or twice, or by somebody who kept it.
    if (statement.word !== words.get(node)) return known
    const bytes = deflated.length === 0 ? deflated : inflate(deflated, INFLATED_BYTES_MAX)
    const batches = splitBatches(bytes)
    const parsed = batches.map(parseBatch)
    const isHeld = (seq: number, hash: Uint8Array): boolean => store.has(node, seq, hash)
    const verdict = judgeWindow(statement, known, batches, { sha256, isHeld })
    if (verdict.kind === 'fault') return refuse(known, verdict.code, verdict.detail)
    const { fault: _, ...rest } = known
    const heard = { ...rest, name, network, told: statement.count, at: clock.now() }
    if (verdict.kind === 'known') return keep(heard, () => store.putState(heard)) ? heard : undefined
    const last = verdict.links.at(-1)
    if (last === undefined) return known
    const next = { ...heard, count: last.seq, head: toHex(last.hash) }
    const links = verdict.links.map((link, at) => ({ ...link, parsed: parsed[at] ?? parseBatch(link.batch) }))
    const news = known.count > 0 && !verdict.anew ? links : links.filter(({ hash, seq }) => !isHeld(seq, hash))
    if (!keep(next, () => store.take({ state: next, links, missing: verdict.missing }))) return undefined
    note(next, news)
    if (verdict.anew) {
      const why = `batch ${statement.began?.seq} says that it was not whole`
      audit(name, 'flow-ledger-anew', `a new record of flows follows one of ${known.count} batches: ${why}`)
    }
    return next
  }

  const digest = (node: NodeId, { payload, reply }: Waiting): void => {
    const enrolment = fleet.enrolment(node)
    if (enrolment === undefined) return
    try {
      const message = parseLedgerMessage(payload)
      if (message.window === undefined) return answer(stateOf(enrolment), message.id, undefined, reply)
      const state = takeWindow(enrolment, message.window)
      fleet.accepted(node, 'ledger')
      if (state !== undefined) answer(state, message.id, state.fault?.code, reply)
    } catch (error) {
      fleet.refused(node, 'ledger', describeError(error))
    }
  }

  const next = (): void => {
    timer = undefined
    const [first] = waiting
    if (first === undefined) return
    const [node, message] = first
    waiting.delete(node)
    waitingBytes -= message.payload.length
    const began = clock.monotonic()
    digest(node, message)
    const tookMs = clock.monotonic() - began
    if (waiting.size > 0) timer = clock.after(tookMs * (SHARE - 1), next)
  }

  for (const state of states.values()) tell(state)

  return {
    hear(node, payload, reply) {
      const held = waiting.get(node)?.payload.length ?? 0
      if (waitingBytes - held + payload.length > flowWindowsWaitingBytesMax) return
      waitingBytes += payload.length - held
      waiting.set(node, { payload, reply })
      timer ??= clock.after(0, next)
    },
    fault: (node) => faults.get(node),
    figures: () => ({
      tallies: [...tallies],
      ledgers: [...states.values()],
      store: store.figures(),
      failing,
      exported: flowExport?.figures(),
    }),
    ledgers: () => [...states.values()],
    accept(node) {
      const state = states.get(node)
      if (state?.fault === undefined) {
        throw new HoldfastError('not-found', 'nothing is wrong with the record of flows of that node', {
          remedy: 'See `holdfast-hub get nodes`.',
        })
      }
      const { fault: _, ...rest } = state
      const accepted = { ...rest, ...noEnd, at: clock.now() }
      store.putState(accepted)
      states.set(node, accepted)
      words.delete(node)
      tell(accepted)
    },
    stop() {
      timer?.cancel()
      waiting.clear()
    },
  }
}
