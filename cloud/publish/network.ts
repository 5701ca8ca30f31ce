// One network's conversation with its agents: presence of the hub, reports in, revisions and replies out.

import type { Bus, Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { base32, type NodeId } from '../../shared/ids.ts'
import { requestsPerMinuteMax } from '../../shared/limits.ts'
import { encodePresence } from '../../shared/wire/report.ts'
import { parseRequest } from '../../shared/wire/sync.ts'
import { type NodeChannel, nodeChannels, parseTopic, topics } from '../../shared/wire/topics.ts'
import { createRateLimit } from '../access/rate-limit.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { FlowDesk } from '../flows/desk.ts'
import type { HubOptions } from '../hub.ts'
import type { NetworkState } from '../store/hub-store.ts'
import { createAnswers } from './answers.ts'
import type { Capabilities } from './capabilities.ts'
import type { Publisher } from './publisher.ts'
import type { Replies } from './replies.ts'

export interface NetworkLinkOptions extends Pick<HubOptions, 'bus'> {
  readonly network: NetworkState
  readonly publisher: Publisher
  readonly replies: Replies
  readonly capabilities: Capabilities
  readonly fleet: Fleet
  /** Takes in records of flows; undefined where none are kept. */
  readonly flows: Pick<FlowDesk, 'hear'> | undefined
  /** Takes in answers to commands. */
  readonly onAnswer: (node: NodeId, payload: Uint8Array) => void
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface NetworkLink {
  start(): void
  /** Says goodbye; `deleted` also takes the network's retained words back, because there is no network any more. */
  stop(deleted?: boolean): Promise<void>
  /** Hands a word to one node that is there. */
  tell(node: NodeId, chunks: readonly Uint8Array[]): void
  /** Takes back what the broker keeps of a node that is no member any more. */
  forget(node: NodeId): void
}

/** What the broker keeps of a node. */
const retainedChannels = ['fact', 'status', 'presence', 'override'] as const satisfies readonly NodeChannel[]
/** Longer than a broker that answers at all needs; one that doesn't must not keep the hub from stopping. */
const GOODBYE_MS_MAX = 3_000
const nothing = new Uint8Array(0)

export function createNetworkLink(options: NetworkLinkOptions): NetworkLink {
  const { capabilities, clock, flows, network, publisher, replies, fleet, log } = options
  const session = base32(options.entropy.bytes(10), 16)
  const topic = topics.hub(network.id)
  const say = (online: boolean) => ({ topic, payload: encodePresence({ online, session }), retain: true })
  const asked = createRateLimit(clock, requestsPerMinuteMax)
  const swept = createRateLimit(clock, 1)
  const bus: Bus = options.bus({
    filters: nodeChannels.map((channel) => `hf/1/${network.id}/n/+/${channel}`),
    will: say(false),
  })
  const answers = createAnswers(
    bus,
    { answer: (node, one) => (one.want === 'capability' ? capabilities : replies).answer(node, one) },
    log,
  )
  let up = false

  const publish = (message: Parameters<Bus['publish']>[0]): Promise<void> =>
    bus.publish(message).catch((error: unknown) => {
      log.debug('not published', { topic: message.topic, reason: describeError(error) })
    })

  /** A broker keeps the last words of a node for ever; those of a node that is gone are taken back. */
  const forget = (node: NodeId): void => {
    for (const channel of retainedChannels) {
      void publish({ topic: topics.node(network.id, node, channel), payload: nothing, retain: true })
    }
  }

  const sweep = (node: NodeId): void => {
    if (swept.take(node)) forget(node)
  }

  const request = (node: NodeId, payload: Uint8Array): void => {
    const parsed = parseRequest(payload)
    if (asked.take(node)) answers.ask(node, parsed)
    else fleet.refused(node, 'req', `it asks more than ${requestsPerMinuteMax} times a minute`)
  }

  const digest = (node: NodeId, channel: NodeChannel, payload: Uint8Array): void => {
    switch (channel) {
      case 'presence':
        return fleet.presence(node, payload)
      case 'status':
        return fleet.status(node, payload)
      case 'fact':
        return fleet.fact(node, payload)
      case 'override':
        return fleet.overrides(node, payload)
      case 'req':
        return request(node, payload)
      case 'answer':
        options.onAnswer(node, payload)
        return fleet.accepted(node, 'answer')
      case 'ledger':
        return flows?.hear(
          node,
          payload,
          (chunk) => void publish({ topic: topics.rsp(network.id, node), payload: chunk }),
        )
      case 'cluster':
        return fleet.refused(node, channel, 'a device speaks for no cluster')
    }
  }

  const hear = (name: string, payload: Uint8Array): void => {
    const heard = parseTopic(name)
    // An empty payload is how a retained message is taken back.
    if (heard === undefined || !('node' in heard) || heard.type === 'rsp') return
    if (heard.network !== network.id || payload.length === 0) return
    // The topic says who speaks, the broker vouches for it; somebody who is no member of this network is nobody.
    if (!fleet.hears(heard.node, network.name)) return sweep(heard.node)
    try {
      digest(heard.node, heard.type, payload)
    } catch (error) {
      fleet.refused(heard.node, heard.type, describeError(error))
    }
  }

  return {
    start() {
      bus.start({
        onUp() {
          up = true
          fleet.linkUp(network.name)
          publisher.connected(bus)
          void publish(say(true))
        },
        onDown(reason) {
          if (up) log.warn('the link to the broker is down', { network: network.name, reason })
          if (up) fleet.linkDown(network.name)
          up = false
          answers.clear()
          publisher.disconnected()
        },
        onMessage: hear,
      })
    },
    tell(node, chunks) {
      for (const payload of chunks) void publish({ topic: topics.rsp(network.id, node), payload })
    },
    forget,
    async stop(deleted = false) {
      answers.clear()
      if (up) {
        const last = deleted
          ? [
              publish({ topic: topics.head(network.id), payload: nothing, retain: true }),
              publish({ topic, payload: nothing, retain: true }),
            ]
          : [publish(say(false))]
        const patience = new Promise<void>((resolve) => void clock.after(GOODBYE_MS_MAX, resolve))
        await Promise.race([Promise.all(last), patience])
      }
      fleet.linkDown(network.name)
      await bus.close()
    },
  }
}
