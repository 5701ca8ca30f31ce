// The agent of a cluster: tells the hub what the cluster holds, and writes there what the hub makes of it. It decides nothing and
// keeps nothing: what it told, the hub has, and after any interruption it tells all again.

import type { Bus, BusFactory, Clock, Entropy, Log, Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { base32, type NetworkId, type NodeId } from '../../shared/ids.ts'
import { encodePresence } from '../../shared/wire/report.ts'
import { topics } from '../../shared/wire/topics.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import { clusterBatchBytesMax, clusterBatchMax, clusterBatchMsMax, clusterMessageMsMin } from './cluster-limits.ts'
import { type Telling, tellingOf } from './items.ts'
import {
  type Batch,
  type CallAnswer,
  clusterProtocol,
  type Down,
  digestOf,
  encodeMessage,
  parseDown,
  textHash,
} from './messages.ts'
import { runCall } from './run-call.ts'

export interface ClusterAgentOptions {
  readonly cluster: Cluster
  /** Of the cluster itself: the uid of its namespace `kube-system`. */
  readonly clusterUid: string
  readonly bus: BusFactory
  readonly network: NetworkId
  readonly node: NodeId
  readonly version: string
  /** The cluster's own Nodes are to have labels that tell of uplinks; nobody writes to them else. */
  readonly nodeLabels?: boolean
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

export interface ClusterAgentState {
  readonly connected: boolean
  /** All that the cluster holds is at the hub, by its own word. */
  readonly settled: boolean
  /** Objects told of. */
  readonly objects: number
  /** Why the hub does not listen. */
  readonly refused?: string
}

export interface ClusterAgent {
  start(): void
  stop(): Promise<void>
  state(): ClusterAgentState
}

/** Changes come in bursts. */
const GATHER_MS = 200
/** After a refusal: people mend it at the hub. */
const REFUSED_AGAIN_MS = 60_000

interface Round {
  /** Hashes of what the hub has, by key. */
  readonly told: Map<string, Uint8Array>
  readonly session: string
  seq: number
  /** Not acknowledged yet, and what the hub has once it is. */
  open?: { readonly seq: number; readonly timer: Timer; readonly settle: () => void } | undefined
  isWelcome: boolean
  /** The hub wants to hear of ServiceImports. */
  hasImports: boolean
  isWhole: boolean
  /** What the last whole round said. */
  last: string
}

export function createClusterAgent(options: ClusterAgentOptions): ClusterAgent {
  const { clock, cluster, entropy, log, network, node } = options
  const presence = topics.node(network, node, 'presence')
  const session = base32(entropy.bytes(10), 16)
  const say = (online: boolean) => ({ topic: presence, payload: encodePresence({ online, session }), retain: true })
  const bus: Bus = options.bus({ filters: [topics.delta(network)], will: say(false) })
  const hashes = new Map<string, { readonly text: string; readonly hash: Uint8Array }>()
  let round: Round | undefined
  let answers: CallAnswer[] = []
  let [running, isUp, sentAt] = [false, false, Number.NEGATIVE_INFINITY]
  let refused: string | undefined
  let timer: { readonly at: number; readonly timer: Timer } | undefined
  let greeting: Timer | undefined
  let awayBy: string | undefined

  const send = (message: Parameters<typeof encodeMessage>[0]): void => {
    sentAt = clock.monotonic()
    bus
      .publish({ topic: topics.node(network, node, 'cluster'), payload: encodeMessage(message) })
      .catch((error: unknown) => {
        log.debug('not told', { why: describeError(error) })
      })
  }

  const hello = (): void => {
    round?.open?.timer.cancel()
    greeting?.cancel()
    answers = []
    const fresh = base32(entropy.bytes(10), 16)
    round = { told: new Map(), session: fresh, seq: 0, isWelcome: false, hasImports: false, isWhole: false, last: '' }
    send({
      type: 'hello',
      session: fresh,
      protocol: clusterProtocol,
      version: options.version,
      cluster: options.clusterUid,
      imports: true,
      importTypes: true,
      ...(options.nodeLabels === true ? { nodeLabels: true } : {}),
    })
    // A hub that is not there yet asks by itself; one that lost the word does not.
    greeting = clock.after(clusterBatchMsMax, () => {
      if (running && isUp && round?.session === fresh && !round.isWelcome && refused === undefined) hello()
    })
  }

  const hashOf = (key: string, text: string): Uint8Array => {
    const held = hashes.get(key)
    if (held?.text === text) return held.hash
    const hash = textHash(text)
    hashes.set(key, { text, hash })
    return hash
  }

  const wholeOf = ({ heard, items }: Telling) => {
    for (const key of hashes.keys()) if (!items.has(key)) hashes.delete(key)
    const all = new Map([...items].map(([key, text]) => [key, hashOf(key, text)]))
    return { heard, count: items.size, digest: digestOf(all) }
  }

  /** As much of what the hub does not have as one message holds. */
  const pack = ({ items }: Telling, told: ReadonlyMap<string, Uint8Array>) => {
    const put: { readonly key: string; readonly text: string; readonly hash: Uint8Array }[] = []
    const del = [...told.keys()].filter((key) => !items.has(key)).slice(0, clusterBatchMax)
    let bytes = del.reduce((sum, key) => sum + key.length, 0)
    for (const [key, text] of items) {
      const hash = hashOf(key, text)
      if (told.get(key)?.every((byte, at) => byte === hash[at]) === true) continue
      if (put.length >= clusterBatchMax || bytes >= clusterBatchBytesMax) return { put, del, isLast: false }
      put.push({ key, text, hash })
      bytes += Buffer.byteLength(text)
    }
    return { put, del, isLast: del.length < clusterBatchMax }
  }

  const tell = (held: Round): void => {
    const telling = tellingOf(cluster, held.hasImports)
    const { del, isLast, put } = pack(telling, held.told)
    const whole = isLast ? wholeOf(telling) : undefined
    const words = JSON.stringify(whole)
    const isNew = put.length > 0 || del.length > 0 || (isLast && words !== held.last)
    if (!isNew && answers.length === 0) return
    held.seq += 1
    const { seq } = held
    const batch: Batch = {
      type: 'batch',
      session: held.session,
      seq,
      put: put.map(({ text }) => text),
      del,
      ...(whole === undefined ? {} : { whole }),
      answers: answers.splice(0, clusterBatchMax),
    }
    held.isWhole = false
    const settle = (): void => {
      for (const key of del) held.told.delete(key)
      for (const { hash, key } of put) held.told.set(key, hash)
      if (isLast) held.last = words
      held.isWhole = isLast
    }
    const late = clock.after(clusterBatchMsMax, () => {
      if (round !== held || held.open?.seq !== seq) return
      log.warn('the hub does not say that it heard; tells everything again')
      hello()
    })
    held.open = { seq, timer: late, settle }
    send(batch)
  }

  const turn = (): void => {
    timer = undefined
    if (!running || !isUp || round === undefined || !round.isWelcome) return
    // Answers wait for nothing but the pace.
    if (round.open !== undefined) {
      if (answers.length === 0) return
      const { seq, session: of } = round
      send({ type: 'batch', session: of, seq, put: [], del: [], answers: answers.splice(0, clusterBatchMax) })
      return
    }
    tell(round)
  }

  const plan = (delayMs: number): void => {
    const now = clock.monotonic()
    const at = Math.max(now + delayMs, sentAt + clusterMessageMsMin)
    if (!running || (timer !== undefined && timer.at <= at)) return
    timer?.timer.cancel()
    timer = { at, timer: clock.after(at - now, turn) }
  }

  const call = async ({ call: wanted, id, session: of }: Extract<Down, { type: 'call' }>): Promise<void> => {
    let answer: CallAnswer
    try {
      const value = await runCall(cluster, wanted, options.nodeLabels === true)
      answer = value === undefined ? { id } : { id, value }
    } catch (error) {
      const code = error instanceof HoldfastError ? error.code : 'failed'
      answer = { id, error: { code, message: describeError(error).slice(0, 1_000) } }
    }
    if (round?.session !== of) return
    answers.push(answer)
    plan(0)
  }

  const hear = (message: Down): void => {
    if (message.type === 'who') return hello()
    if (round === undefined || message.session !== round.session) return
    switch (message.type) {
      case 'welcome':
        refused = undefined
        round.isWelcome = true
        round.hasImports = message.imports === true
        log.info('the hub listens', { as: message.cluster })
        return plan(0)
      case 'refused':
        refused = message.why
        log.error('the hub refuses this cluster', { why: message.why, remedy: message.remedy })
        greeting?.cancel()
        greeting = clock.after(REFUSED_AGAIN_MS, () => {
          if (running && isUp) hello()
        })
        return undefined
      case 'got':
        if (round.open?.seq !== message.seq) return undefined
        round.open.timer.cancel()
        round.open.settle()
        round.open = undefined
        return plan(0)
      case 'again':
        log.warn('the hub has something else than was told; tells everything again')
        return hello()
      case 'call':
        return round.isWelcome ? void call(message) : undefined
    }
  }

  return {
    start() {
      running = true
      cluster.start(() => plan(GATHER_MS))
      bus.start({
        onUp() {
          isUp = true
          awayBy = undefined
          void bus.publish(say(true)).catch(() => undefined)
          hello()
        },
        onDown(reason) {
          // What keeps it away may be another thing by now: the key that ended, an address that is gone.
          if (isUp || reason !== awayBy) log.warn('the hub is away; the network goes on as it is', { reason })
          awayBy = reason
          isUp = false
          round?.open?.timer.cancel()
          round = undefined
        },
        onMessage(_topic, payload) {
          try {
            hear(parseDown(payload))
          } catch (error) {
            log.warn('what the hub says can’t be read; is it newer?', { why: describeError(error) })
          }
        },
      })
    },
    async stop() {
      running = false
      timer?.timer.cancel()
      greeting?.cancel()
      round?.open?.timer.cancel()
      if (isUp) await bus.publish(say(false)).catch(() => undefined)
      await bus.close()
      await cluster.stop()
    },
    state: () => ({
      connected: isUp,
      settled: round?.isWhole === true && round.open === undefined,
      objects: round?.told.size ?? 0,
      ...(refused === undefined ? {} : { refused }),
    }),
  }
}
