// The broker inside the hub: aedes with a credential and topic rules per agent, and bounds on all that a peer can send or
// leave unread. Its memory is not state: the hub says its heads again at start, agents their facts at reconnect.

import { type Duplex, duplexPair } from 'node:stream'
import { Aedes, type AedesOptions, type Client } from 'aedes'
import type { Clock, Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import {
  brokerConnectBytesMax,
  brokerConnectMsMax,
  brokerDrainMsMax,
  brokerPublishPerMinuteMax,
  brokerQueueBytesMax,
  mqttPacketMax,
} from '../../shared/limits.ts'
import { credentialId } from '../../shared/wire/enrol.ts'
import { agentMaySubscribe } from '../../shared/wire/topics.ts'
import type { AccessStore } from '../access/access-store.ts'
import { createRateLimit } from '../access/rate-limit.ts'
import type { BrokerAccess } from '../broker-access.ts'
import { type Admission, createAdmission, type Peer } from './admission.ts'
import { limitPackets } from './packet-limit.ts'
import { type Publication, publicationFault } from './rules.ts'

export interface EmbeddedBroker {
  readonly access: BrokerAccess
  /** A connection of the hub itself, inside the process and free of rules. */
  connect(): Promise<Duplex>
  /** Takes over a stream whose transport is already secured. */
  accept(stream: Duplex, remote: string): void
  connections(): number
  close(): Promise<void>
}

export interface EmbeddedOptions {
  readonly store: Pick<AccessStore, 'credential' | 'putCredential' | 'deleteCredential'>
  readonly clock: Clock
  readonly log: Log
}

type Handlers = Pick<
  AedesOptions,
  'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'
>
const FAREWELL_TURNS = 8
/** The rest is cut: a stop is not held up by a device on a dead link. */
const FAREWELL_MS = 1_000

type PeerOf = (client: Client | null) => Peer | undefined

interface Packet {
  readonly topic: string
  readonly payload: { readonly length: number }
  readonly retain?: boolean
  readonly qos?: number
}

function publicationOf({ topic, payload, retain = false, qos = 0 }: Packet): Publication {
  return { topic, bytes: payload.length, retain, qos }
}

function doorHandlers(peerOf: PeerOf, admission: Admission, log: Log): Handlers {
  return {
    preConnect(client, packet, done) {
      const peer = peerOf(client)
      if (peer !== undefined && packet.will !== undefined) peer.will = publicationOf(packet.will)
      done(null, peer !== undefined)
    },
    authenticate(client, username = '', password = Buffer.alloc(0), done) {
      const peer = peerOf(client)
      const logIn = { clientId: client.id, clean: client.clean, username, password }
      const refusal = peer === undefined ? { why: 'unknown stream', code: 3 } : admission.admit(peer, logIn)
      if (refusal === undefined) {
        done(null, true)
        return
      }
      log.warn('broker refuses a connection', { remote: peer?.remote, user: username.slice(0, 32), why: refusal.why })
      done(Object.assign(new HoldfastError('unauthenticated', refusal.why), { returnCode: refusal.code }), false)
    },
  }
}

function topicHandlers(peerOf: PeerOf, clock: Clock, log: Log): Handlers {
  const publishes = createRateLimit(clock, brokerPublishPerMinuteMax)

  const fault = (peer: Peer | undefined, packet: Packet): string | undefined => {
    if (peer?.privileged === true) return undefined
    if (peer?.member === undefined) return 'it is not logged in'
    if (peer.cut === true) return 'it was cut off'
    const wrong = publicationFault(peer.member, publicationOf(packet))
    return wrong ?? (publishes.take(peer.member.node) ? undefined : 'it publishes too often')
  }

  return {
    authorizePublish(client, packet, done) {
      const peer = peerOf(client)
      const why = fault(peer, packet)
      if (why === undefined) {
        done(null)
        return
      }
      // MQTT 3.1.1 has no way to refuse one message, so the connection goes.
      log.warn('broker drops a client', { node: peer?.member?.node, topic: packet.topic.slice(0, 120), why })
      done(new HoldfastError('forbidden', why))
    },
    authorizeSubscribe(client, subscription, done) {
      const peer = peerOf(client)
      const member = peer?.member
      const filter = subscription.topic
      const mine = member !== undefined && agentMaySubscribe(filter, member.network, member.node)
      if (mine || peer?.privileged === true) {
        done(null, subscription)
        return
      }
      log.warn('broker refuses a subscription', { node: member?.node, filter: filter.slice(0, 120) })
      done(null, null)
    },
    authorizeForward(client, packet) {
      if (client.conn.writableLength <= brokerQueueBytesMax) return packet
      log.warn('broker drops a client that does not read', { node: peerOf(client)?.member?.node })
      client.conn.destroy()
      return null
    },
  }
}

/** Ends connections by their own closing, so that what was just published still arrives; not for longer than a moment. */
async function farewell(streams: ReadonlySet<Duplex>, clock: Clock): Promise<void> {
  // A message is handed to its receivers a turn of the event loop after it was acknowledged to its sender.
  for (let turn = 0; turn < FAREWELL_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
  const closed = [...streams].map(
    (stream) =>
      new Promise<void>((resolve) => {
        stream.once('close', resolve)
        stream.end()
      }),
  )
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = clock.after(FAREWELL_MS, resolve)
  await Promise.race([Promise.all(closed), late])
  timer.cancel()
}

export async function createEmbeddedBroker({ clock, log, store }: EmbeddedOptions): Promise<EmbeddedBroker> {
  const peers = new WeakMap<object, Peer>()
  const admission = createAdmission(store, clock)
  const peerOf: PeerOf = (client) => (client === null ? undefined : peers.get(client.conn))
  const streams = new Set<Duplex>()

  const aedes = await Aedes.createBroker({
    connectTimeout: brokerConnectMsMax,
    drainTimeout: brokerDrainMsMax,
    // Messages that may be on their way at once: one slow reader must not hold up the others for its drain time.
    concurrency: 10_000,
    maxTopicLevels: 8,
    ...doorHandlers(peerOf, admission, log),
    ...topicHandlers(peerOf, clock, log),
  })
  const quiet = (client: Client, error: Error): void =>
    log.debug('broker connection failed', { remote: peerOf(client)?.remote, why: error.message })
  aedes.on('clientError', quiet)
  aedes.on('connectionError', quiet)

  function adopt(peer: Peer): void {
    const { stream } = peer
    peers.set(stream, peer)
    streams.add(stream)
    stream.once('close', () => {
      streams.delete(stream)
      admission.forget(peer)
    })
    if (!peer.privileged) {
      const limitOf = (): number => (peer.member === undefined ? brokerConnectBytesMax : mqttPacketMax)
      limitPackets(stream, limitOf, () =>
        log.warn('broker drops a client: packet too large', { remote: peer.remote, node: peer.member?.node }),
      )
    }
    aedes.handle(stream)
  }

  return {
    access: {
      allow: async (node, network, password) => {
        store.putCredential({ node, network, passwordHash: credentialId(password, sha256) })
      },
      revoke: async (node) => {
        store.deleteCredential(node)
        admission.suspend(node, false)
        admission.cut(node)
      },
      suspend: async (node) => {
        admission.suspend(node, true)
        admission.cut(node)
      },
      resume: async (node) => admission.suspend(node, false),
      credential: (node) => store.credential(node)?.passwordHash,
    },
    connect: async () => {
      const [ours, stream] = duplexPair()
      adopt({ remote: 'hub', privileged: true, stream })
      return ours
    },
    accept: (stream, remote) => adopt({ remote, privileged: false, stream }),
    connections: () => streams.size,
    async close() {
      await farewell(streams, clock)
      await new Promise<void>((resolve) => aedes.close(resolve))
    },
  }
}
