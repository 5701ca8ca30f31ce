// The conversation with the hub over one bus: who is there, which message goes where, what is published and how often.
//
// Nothing here removes anything. A hub that is gone makes the node `autonomous`, and that is all it does.

import type { Bus, BusFactory, Clock, Entropy, LinkTrouble, Log } from '../../shared/effects.ts'
import { describeError, type ErrorCode, HoldfastError } from '../../shared/errors.ts'
import { base32, type NetworkId, type NodeId } from '../../shared/ids.ts'
import { deviceLinksBytesMax, factBytesMax } from '../../shared/limits.ts'
import { encodePresence, parsePresence } from '../../shared/wire/report.ts'
import { isReplyOf } from '../../shared/wire/sync.ts'
import { agentFilters, parseTopic, topics } from '../../shared/wire/topics.ts'
import type { FlowSender } from '../flows/sender.ts'
import type { CapabilityKeeper } from './capability-keeper.ts'
import { createLatest } from './latest.ts'
import type { Sync } from './sync.ts'

export interface HubLinkOptions {
  readonly bus: BusFactory
  readonly network: NetworkId
  readonly node: NodeId
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly sync: Sync
  /** Shares the requests and replies; absent where relays are of no use. */
  readonly capability?: Pick<CapabilityKeeper, 'hubOnline' | 'onReply' | 'down'>
  /** Brings the record of flows to the hub; absent where it stays here. */
  readonly flows?: Pick<FlowSender, 'hubOnline' | 'onReply' | 'down'>
  /** Takes orders to run another version; absent where this agent takes none. */
  readonly orders?: { readonly onReply: (bytes: Uint8Array) => void }
  /** Carries out what the hub says; absent where this host can't. */
  readonly commands?: { readonly onReply: (bytes: Uint8Array, session: string) => void }
  /** A fact came, of any node, this one too. */
  readonly onFact: (node: NodeId, envelope: Uint8Array) => void
  readonly onRefused: (detail: string) => void
  /** The broker has what was told of policy overrides, while the hub was there to hear it. */
  readonly onOverridesTold?: (payload: Uint8Array) => void
  /** True for a report that the hub has and that nothing hangs on any more: it is not repeated at each connect. */
  readonly isOverridesHeard?: (payload: Uint8Array) => boolean
  /** The link is doubtful from now on; see `isDoubtful`. */
  readonly onDoubt?: () => void
  /** The state below changed. */
  readonly onChange: () => void
}

export interface LinkState {
  /** The broker is connected. */
  readonly up: boolean
  /** The hub said that it is there, and the broker has not said otherwise. */
  readonly hubOnline: boolean
  /** Last word of the hub, milliseconds since the Unix epoch. */
  readonly lastContact: number | undefined
  /** Why the link is down. */
  readonly failure: LinkFailure | undefined
}

/** The last try that failed, or what ended a link. */
export interface LinkFailure {
  readonly reason: string
  readonly code: ErrorCode
  /** What the system said stood in the way. */
  readonly trouble: LinkTrouble | undefined
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** So many in a row. */
  readonly count: number
}

export const noLink: LinkState = { up: false, hubOnline: false, lastContact: undefined, failure: undefined }

export interface HubLink {
  start(): void
  /** Says goodbye if the link is there, and closes it. */
  stop(): Promise<void>
  nudge(): void
  state(): LinkState
  /** Milliseconds until the next try; undefined while connected or trying. */
  nextTryInMs(): number | undefined
  request(payload: Uint8Array): Promise<void>
  /** Resolves when the broker answered just now; rejects with `unreachable`. */
  prove(): Promise<void>
  /** `urgent` overtakes the rate limit: the hub waits for this acknowledgement. */
  report(status: Uint8Array, urgent: boolean): void
  /** `urgent` overtakes the rate limit: packets elsewhere are decided by it. */
  announce(fact: Uint8Array, urgent: boolean): void
  /** The link seems up, and a fact of ours is not acknowledged: whoever must know it had better not wait for the hub. */
  isDoubtful(): boolean
  tellOverrides(payload: Uint8Array): void
  /** Of the record of flows. */
  tellFlows(payload: Uint8Array): Promise<void>
  /** Of an answer to a command. */
  tellAnswer(payload: Uint8Array): Promise<void>
}

/** Status: state.md's "at most every 5 s". Facts reach every node of the network, so they are rarer. */
const STATUS_MS_MIN = 5_000
const FACT_MS_MIN = 10_000
/** After a start or a move others wait for what this node learns of itself within a second or two: how it looks from outside. */
const FACTS_AHEAD = 2
/** A broker acknowledges within some round trips; one whose silence is only noticed by a keepalive has been gone for a minute. */
const DOUBT_MS = 4_000
/** So long the broker has to show which fact of ours it retains, before it is told again. */
const RETAINED_GRACE_MS = 2_000
const GOODBYE_MS_MAX = 1_000
/** An envelope around the largest fact. */
const FACT_ENVELOPE_MAX = factBytesMax + deviceLinksBytesMax + 128

export function createHubLink(options: HubLinkOptions): HubLink {
  const { capability, clock, flows, log, network, node, sync } = options
  const session = base32(options.entropy.bytes(10), 16)
  const presence = (online: boolean) => ({
    topic: topics.node(network, node, 'presence'),
    payload: encodePresence({ online, session }),
    retain: true,
  })
  const bus: Bus = options.bus({ filters: agentFilters(network, node), will: presence(false) })
  const retain = (channel: 'status' | 'fact' | 'override') => (payload: Uint8Array) =>
    bus.publish({ topic: topics.node(network, node, channel), payload, retain: true })
  const doubt = { afterMs: DOUBT_MS, tell: () => options.onDoubt?.() }
  const status = createLatest({ clock, minMs: STATUS_MS_MIN, publish: retain('status') })
  const fact = createLatest({ clock, minMs: FACT_MS_MIN, ahead: FACTS_AHEAD, late: doubt, publish: retain('fact') })
  const overrides = createLatest({
    clock,
    minMs: STATUS_MS_MIN,
    async publish(payload) {
      await retain('override')(payload)
      if (state.hubOnline) options.onOverridesTold?.(payload)
    },
  })
  /** The newest report of overrides. */
  let told: Uint8Array | undefined
  let state = noLink
  /** Of the hub's present connection. */
  let hubSession: string | undefined

  const change = (next: Partial<LinkState>): void => {
    state = { ...state, ...next }
    options.onChange()
  }

  const onUp = (): void => {
    log.info('connected to the broker')
    hubSession = undefined
    sync.up()
    change({ up: true, hubOnline: false, failure: undefined })
    bus
      .publish(presence(true))
      .catch((error: unknown) => log.debug('presence was lost', { reason: describeError(error) }))
    status.up()
    fact.up(RETAINED_GRACE_MS)
    overrides.up()
    if (told !== undefined && options.isOverridesHeard?.(told) === true) overrides.retained(told)
  }

  const onDown = (reason: string, code: ErrorCode = 'unreachable', trouble?: LinkTrouble): void => {
    if (state.up) log.warn('the link to the broker is lost', { reason })
    sync.down()
    capability?.down()
    flows?.down()
    status.down()
    fact.down()
    overrides.down()
    const count = (state.failure?.count ?? 0) + 1
    change({ up: false, hubOnline: false, failure: { reason, code, trouble, at: clock.now(), count } })
  }

  const onHub = (payload: Uint8Array): void => {
    const { online, session: about } = parsePresence(payload)
    // The will of a connection that the hub has replaced since says nothing about the hub.
    if (!online && hubSession !== undefined && about !== hubSession) return
    hubSession = online ? about : undefined
    change({ hubOnline: online, ...(online ? { lastContact: clock.now() } : {}) })
    // The broker is still there, and nobody listens.
    if (!online) return flows?.down()
    sync.hubOnline()
    capability?.hubOnline()
    flows?.hubOnline()
  }

  /** Only a hub that is there publishes deltas and replies; a head may have been retained for months. */
  const heardHub = (type: string): void => {
    const live = type === 'delta' || type === 'rsp'
    if (live && !state.hubOnline) {
      change({ hubOnline: true, lastContact: clock.now() })
      flows?.hubOnline()
    } else if (live || state.hubOnline) state = { ...state, lastContact: clock.now() }
  }

  const onFact = (from: NodeId, payload: Uint8Array): void => {
    if (payload.length > FACT_ENVELOPE_MAX) {
      throw new HoldfastError('too-large', `a fact of ${payload.length} bytes was offered`)
    }
    if (from === node) fact.retained(payload)
    options.onFact(from, payload)
  }

  const onReply = (payload: Uint8Array): void => {
    if (isReplyOf(payload, 'order')) options.orders?.onReply(payload)
    else if (isReplyOf(payload, 'command')) options.commands?.onReply(payload, session)
    else if (isReplyOf(payload, 'ledger')) flows?.onReply(payload)
    else if (capability?.onReply(payload) !== true) sync.onReply(payload)
  }

  const dispatch = (topic: string, payload: Uint8Array): void => {
    const parsed = parseTopic(topic)
    if (parsed === undefined || parsed.network !== network) {
      throw new HoldfastError('invalid', 'a message came on a topic that is none of ours')
    }
    if (parsed.type === 'hub') onHub(payload)
    else if (parsed.type === 'fact') onFact(parsed.node, payload)
    else {
      heardHub(parsed.type)
      if (parsed.type === 'head') sync.onHead(payload)
      else if (parsed.type === 'delta') sync.onDelta(payload)
      else if (parsed.type === 'rsp' && parsed.node === node) onReply(payload)
    }
  }

  const onMessage = (topic: string, payload: Uint8Array): void => {
    // An empty retained message is how a topic is cleared: no word at all.
    if (payload.length === 0) return
    try {
      dispatch(topic, payload)
    } catch (error) {
      log.warn('a message was refused', { topic: topic.slice(0, 120), reason: describeError(error) })
      options.onRefused(`${topic.slice(0, 120)}: ${describeError(error)}`.slice(0, 500))
    }
  }

  return {
    start: () => bus.start({ onUp, onDown, onMessage }),
    async stop() {
      if (state.up) {
        const { promise: late, resolve } = Promise.withResolvers<void>()
        const timer = clock.after(GOODBYE_MS_MAX, resolve)
        await Promise.race([bus.publish(presence(false)).catch(() => undefined), late])
        timer.cancel()
      }
      status.down()
      fact.down()
      overrides.down()
      sync.down()
      capability?.down()
      flows?.down()
      await bus.close()
    },
    nudge: () => bus.nudge(),
    state: () => state,
    nextTryInMs: () => bus.nextTryInMs(),
    // Says what was said already, so that nobody has to do anything about it.
    prove: () => bus.publish(presence(true)),
    request: (payload) => bus.publish({ topic: topics.node(network, node, 'req'), payload }),
    report: (payload, urgent) => status.offer(payload, urgent),
    announce: (envelope, urgent) => fact.offer(envelope, urgent),
    isDoubtful: () => fact.isLate(),
    tellFlows: (payload) => bus.publish({ topic: topics.node(network, node, 'ledger'), payload }),
    tellAnswer: (payload) => bus.publish({ topic: topics.node(network, node, 'answer'), payload }),
    tellOverrides(payload) {
      told = payload
      overrides.offer(payload, true)
    },
  }
}
