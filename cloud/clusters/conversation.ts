// The hub's side of what it says with the agent of one cluster: who is let speak, what of it counts, and how it stands.

import type { Bus, BusFactory, Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { base32 } from '../../shared/ids.ts'
import { encodePresence, parsePresence } from '../../shared/wire/report.ts'
import { parseTopic, topics } from '../../shared/wire/topics.ts'
import { createRateLimit } from '../access/rate-limit.ts'
import { type Batch, clusterProtocol, type Down, encodeMessage, type Hello, parseUp } from './messages.ts'
import type { ClusterRow } from './registry.ts'
import { createRemoteCluster, type RemoteCluster } from './remote-cluster.ts'

export interface ConversationOptions {
  readonly row: () => ClusterRow
  readonly bus: BusFactory
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** The cluster that spoke first, by its uid; kept from then on. */
  readonly bind: (uid: string) => void
  /** The agent came or went. */
  readonly onTurn: (isThere: boolean) => void
}

export interface Conversation {
  readonly remote: RemoteCluster
  start(): void
  stop(): Promise<void>
  /** An agent is there, and may speak. */
  isOpen(): boolean
  /** Why it may not, or what is wrong with what it says; undefined where nothing is. */
  problem(): string | undefined
  agentVersion(): string | undefined
  /** Milliseconds since the Unix epoch. */
  lastContact(): number | undefined
}

/** An agent that never says the same as it has would begin anew for ever. */
const AGAIN_PER_MINUTE_MAX = 6
const KINDS = 'the cluster does not know the kinds of the hub: holdfast-hub crds | kubectl apply --server-side -f -'

function faultOf({ cluster, protocol }: Hello, { name, uid }: ClusterRow): HoldfastError | undefined {
  if (protocol !== clusterProtocol) {
    const whose = protocol < clusterProtocol ? 'agent of the cluster' : 'hub'
    return new HoldfastError('unsupported', `the ${whose} is too old for the other`, { remedy: `Update the ${whose}.` })
  }
  if (uid === undefined || uid === cluster) return undefined
  return new HoldfastError('conflict', `another cluster is known as ${name}`, {
    remedy: `Two clusters need two names: holdfast-hub cluster add NAME. Where it was made anew: holdfast-hub cluster rekey ${name}.`,
  })
}

export function createConversation(options: ConversationOptions): Conversation {
  const { clock, log, row } = options
  const { channel, name, node } = row()
  const session = base32(options.entropy.bytes(10), 16)
  const say = (online: boolean) => ({
    topic: topics.hub(channel),
    payload: encodePresence({ online, session }),
    retain: true,
  })
  const bus: Bus = options.bus({
    filters: [topics.node(channel, node, 'cluster'), topics.node(channel, node, 'presence')],
    will: say(false),
  })
  const again = createRateLimit(clock, AGAIN_PER_MINUTE_MAX)
  let open: string | undefined
  let presence: string | undefined
  let problem: string | undefined
  let version: string | undefined
  let lastContact: number | undefined

  const send = (message: Down): Promise<void> =>
    bus.publish({ topic: topics.delta(channel), payload: encodeMessage(message) })
  const tell = (message: Down): void =>
    void send(message).catch((error: unknown) => {
      log.debug('not told to the agent of a cluster', { cluster: name, why: describeError(error) })
    })
  const remote = createRemoteCluster({ clock, send })

  const shut = (): void => {
    if (open === undefined) return
    open = undefined
    remote.close()
    options.onTurn(false)
  }

  const refuse = (of: string, error: HoldfastError): void => {
    shut()
    problem = describeError(error)
    log.warn('refuses the agent of a cluster', { cluster: name, why: problem })
    const remedy = error.remedy?.slice(0, 300)
    tell({
      type: 'refused',
      session: of,
      why: error.message.slice(0, 300),
      ...(remedy === undefined ? {} : { remedy }),
    })
  }

  const greet = (hello: Hello): void => {
    version = hello.version
    const fault = faultOf(hello, row())
    if (fault !== undefined) return refuse(hello.session, fault)
    if (row().uid === undefined) options.bind(hello.cluster)
    const isNew = open === undefined
    problem = undefined
    open = hello.session
    remote.open(hello.session, {
      importTypes: hello.importTypes === true,
      nodeLabels: hello.nodeLabels === true,
    })
    // An agent of before would not understand what it does not know.
    const more = hello.imports === true ? { imports: true } : {}
    tell({ type: 'welcome', session: hello.session, cluster: name, ...more })
    if (isNew) {
      log.info('the agent of a cluster is there', { cluster: name, version })
      options.onTurn(true)
    }
  }

  const take = (batch: Batch): void => {
    // Of a session that was closed, or that another hub had: its agent is to begin anew.
    if (batch.session !== open) return tell({ type: 'again', session: batch.session })
    try {
      remote.hear(batch)
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      if (!isHoldfastError(error, 'exhausted') && again.take(name)) {
        log.warn('hears a cluster anew', { cluster: name, why: describeError(error) })
        return tell({ type: 'again', session: batch.session })
      }
      return refuse(batch.session, error)
    }
    if (batch.whole !== undefined) problem = remote.knowsKinds() === false ? KINDS : undefined
    tell({ type: 'got', session: batch.session, seq: batch.seq })
  }

  const hear = (topic: string, payload: Uint8Array): void => {
    const parsed = parseTopic(topic)
    if (parsed?.type === 'presence') {
      if (payload.length === 0) return
      const said = parsePresence(payload)
      if (said.online) presence = said.session
      else if (said.session === presence) {
        shut()
        problem = undefined
      }
      return
    }
    const message = parseUp(payload)
    lastContact = clock.now()
    if (message.type === 'hello') greet(message)
    else take(message)
  }

  return {
    remote,
    start() {
      bus.start({
        onUp() {
          void bus.publish(say(true)).catch(() => undefined)
          // An agent that stayed connected to a broker beside us does not know that we are new.
          tell({ type: 'who' })
        },
        onDown: shut,
        onMessage(topic, payload) {
          try {
            hear(topic, payload)
          } catch (error) {
            problem = describeError(error)
            log.warn('the agent of a cluster can’t be understood', { cluster: name, why: problem })
          }
        },
      })
    },
    async stop() {
      shut()
      await bus.close()
    },
    isOpen: () => open !== undefined,
    problem: () => problem,
    agentVersion: () => version,
    lastContact: () => lastContact,
  }
}
