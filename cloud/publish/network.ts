// One network's conversation with its agents: presence of the hub, reports in, revisions and replies out.

import type { Bus, Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { base32 } from '../../shared/ids.ts'
import { requestsPerMinuteMax } from '../../shared/limits.ts'
import { encodePresence } from '../../shared/wire/report.ts'
import { parseRequest } from '../../shared/wire/sync.ts'
import { nodeChannels, parseTopic, topics } from '../../shared/wire/topics.ts'
import { createRateLimit } from '../access/rate-limit.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { HubOptions } from '../hub.ts'
import type { NetworkState } from '../store/hub-store.ts'
import type { Publisher } from './publisher.ts'
import type { Replies } from './replies.ts'

export interface NetworkLinkOptions extends Pick<HubOptions, 'bus'> {
  readonly network: NetworkState
  readonly publisher: Publisher
  readonly replies: Replies
  readonly fleet: Fleet
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface NetworkLink {
  start(): void
  isUp(): boolean
  stop(): Promise<void>
}

export function createNetworkLink(options: NetworkLinkOptions): NetworkLink {
  const { network, publisher, replies, fleet, log } = options
  const session = base32(options.entropy.bytes(10), 16)
  const topic = topics.hub(network.id)
  const say = (online: boolean) => ({ topic, payload: encodePresence({ online, session }), retain: true })
  const asked = createRateLimit(options.clock, requestsPerMinuteMax)
  const bus: Bus = options.bus({
    filters: nodeChannels.map((channel) => `hf/1/${network.id}/n/+/${channel}`),
    will: say(false),
  })
  let up = false

  const publish = async (messages: readonly Parameters<Bus['publish']>[0][]): Promise<void> => {
    for (const message of messages) await bus.publish(message)
  }

  const digest = (name: string, payload: Uint8Array): void => {
    const heard = parseTopic(name)
    // An empty payload is how a retained message is taken back.
    if (heard === undefined || !('node' in heard) || heard.network !== network.id || payload.length === 0) return
    if (fleet.enrolment(heard.node)?.network !== network.name) return
    switch (heard.type) {
      case 'presence':
        return fleet.presence(heard.node, payload)
      case 'status':
        return fleet.status(heard.node, payload)
      case 'fact':
        return fleet.fact(heard.node, payload)
      case 'req': {
        const request = parseRequest(payload)
        if (!asked.take(heard.node)) return log.warn('a node asks too often', { node: heard.node })
        publish(replies.answer(heard.node, request)).catch((error: unknown) =>
          log.debug('a reply was not sent', { node: heard.node, reason: describeError(error) }),
        )
        return undefined
      }
      case 'ledger':
      case 'rsp':
        return undefined
    }
  }

  return {
    isUp: () => up,
    start() {
      bus.start({
        onUp() {
          up = true
          publisher.connected(bus)
          bus
            .publish(say(true))
            .catch((error: unknown) => log.debug('presence was not published', { reason: describeError(error) }))
        },
        onDown(reason) {
          if (up) log.warn('the link to the broker is down', { network: network.name, reason })
          up = false
          publisher.disconnected()
        },
        onMessage(name, payload) {
          try {
            digest(name, payload)
          } catch (error) {
            log.warn('a message of a node is not usable', { topic: name, reason: describeError(error) })
          }
        },
      })
    },
    async stop() {
      if (up) await bus.publish(say(false)).catch(() => undefined)
      await bus.close()
    },
  }
}
