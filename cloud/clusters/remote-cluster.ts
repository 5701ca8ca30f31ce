// A cluster as its agent tells of it: what the hub's controller follows, at the other end of a broker. What counts is the last
// whole that was verified; while the agent is away nothing counts, and so nothing changes.

import type { Clock, Timer } from '../../shared/effects.ts'
import { type ErrorCode, HoldfastError } from '../../shared/errors.ts'
import type { AnyResource } from '../../shared/intent/resource.ts'
import type { Cluster, ClusterObject } from '../kubernetes/cluster.ts'
import { objectOf } from '../kubernetes/cluster-intent.ts'
import {
  type InputKind,
  type InputObject,
  type InputRef,
  type Inputs,
  isGatewayKind,
  type ToldKind,
  toldKinds,
} from '../kubernetes/input.ts'
import { clusterBytesMax, clusterCallMsMax, clusterCallsMax, clusterObjectsMax } from './cluster-limits.ts'
import {
  type Batch,
  type Call,
  type CallAnswer,
  type Down,
  digestOf,
  type Heard,
  itemKey,
  parseItem,
  textHash,
} from './messages.ts'

export interface RemoteClusterOptions {
  readonly clock: Clock
  /** To the agent. Rejects where the broker is away. */
  readonly send: (message: Down) => Promise<void>
}

/** What an agent says of itself; those of before say nothing. */
export interface AgentKnows {
  /** ServiceImports of all types, and with affinity. */
  readonly importTypes: boolean
  /** People there want labels at the cluster's own Nodes that tell of uplinks. */
  readonly nodeLabels: boolean
}

const nothing: AgentKnows = { importTypes: false, nodeLabels: false }

export interface RemoteCluster extends Cluster {
  /** An agent begins: what was heard of one before it does not count any more. */
  open(session: string, knows?: Partial<AgentKnows>): void
  /** It is gone. */
  close(): void
  /** Throws `invalid` and `exhausted` for what is to be told anew, or can’t be held. */
  hear(batch: Batch): void
  /** Lets go of the cluster. */
  release(name: string): Promise<void>
  /** Objects as last verified; undefined while none are. */
  count(): number | undefined
  knows(): AgentKnows
  /** False where the cluster does not know kinds of the hub. */
  knowsKinds(): boolean | undefined
}

interface Held {
  readonly object?: ClusterObject
  readonly input?: InputObject
  readonly hash: Uint8Array
  readonly bytes: number
}

/** What was heard in one session. */
interface Hearing {
  readonly session: string
  readonly items: Map<string, Held>
  bytes: number
}

interface Whole {
  readonly objects: readonly ClusterObject[] | undefined
  readonly inputs: Inputs
  readonly count: number
}

interface Waiting {
  readonly resolve: (value: boolean | undefined) => void
  readonly reject: (error: HoldfastError) => void
  readonly timer: Timer
}

function away(): HoldfastError {
  return new HoldfastError('unreachable', 'the agent of the cluster is away')
}

function heldOf(text: string): readonly [string, Held] {
  const item = parseItem(text)
  const [hash, bytes] = [textHash(text), text.length]
  const key = itemKey(item)
  if ('object' in item) return [key, { object: { ...item.object, status: item.object.status }, hash, bytes }]
  // Nothing is written over what is not ours, so nobody asks for its version.
  const { version, ...input } = item.input
  const older = version === undefined ? {} : { version }
  return [key, { input: { ...input, ...older, resourceVersion: '', spec: input.spec }, hash, bytes }]
}

function wholeOf(items: ReadonlyMap<string, Held>, heard: Heard): Whole {
  const all = [...items.values()]
  const inputs = toldKinds.flatMap((kind): (readonly [InputKind, readonly InputObject[] | 'unserved'])[] => {
    const state = heard.inputs[kind]
    if (state === undefined) return []
    return [[kind, state === 'unserved' ? state : all.flatMap(({ input }) => (input?.kind === kind ? [input] : []))]]
  })
  return {
    objects: heard.objects ? all.flatMap(({ object }) => object ?? []) : undefined,
    inputs: Object.fromEntries(inputs),
    count: items.size,
  }
}

export function createRemoteCluster({ clock, send }: RemoteClusterOptions): RemoteCluster {
  const waiting = new Map<number, Waiting>()
  let hearing: Hearing | undefined
  let knows = nothing
  let whole: Whole | undefined
  let heard: Heard | undefined
  let onChange: () => void = () => undefined
  let calls = 0

  const end = (): void => {
    hearing = undefined
    whole = undefined
    heard = undefined
    for (const one of waiting.values()) {
      one.timer.cancel()
      one.reject(away())
    }
    waiting.clear()
  }

  const settle = ({ error, id, value }: CallAnswer): void => {
    const one = waiting.get(id)
    // Late, or an answer to nobody.
    if (one === undefined) return
    waiting.delete(id)
    one.timer.cancel()
    if (error === undefined) one.resolve(value)
    else one.reject(new HoldfastError(error.code as ErrorCode, `the cluster: ${error.message}`))
  }

  const ask = (call: Call): Promise<boolean | undefined> => {
    if (hearing === undefined) return Promise.reject(away())
    if (waiting.size >= clusterCallsMax) {
      return Promise.reject(new HoldfastError('unreachable', 'the cluster has not answered what it was asked before'))
    }
    calls += 1
    const [id, { session }] = [calls, hearing]
    return new Promise((resolve, reject) => {
      const fail = (error: HoldfastError): void => settle({ id, error })
      const timer = clock.after(clusterCallMsMax, () =>
        fail(new HoldfastError('unreachable', `no answer within ${clusterCallMsMax / 1_000} s`)),
      )
      waiting.set(id, { resolve, reject, timer })
      send({ type: 'call', session, id, call }).catch(() => fail(away()))
    })
  }

  const done = async (call: Call): Promise<void> => void (await ask(call))
  const written = (resource: AnyResource): object => objectOf(resource)

  const refOf = ({ kind, name, namespace }: InputRef): InputRef & { readonly kind: ToldKind } => {
    if (isGatewayKind(kind)) throw new HoldfastError('unsupported', `agents of clusters tell of no ${kind}`)
    return { kind, namespace, name }
  }

  const take = (held: Hearing, { del, put }: Batch): void => {
    const drop = (key: string): void => {
      held.bytes -= held.items.get(key)?.bytes ?? 0
      held.items.delete(key)
    }
    for (const key of del) drop(key)
    for (const text of put) {
      const [key, one] = heldOf(text)
      drop(key)
      held.items.set(key, one)
      held.bytes += one.bytes
    }
    if (held.items.size <= clusterObjectsMax && held.bytes <= clusterBytesMax) return
    throw new HoldfastError(
      'exhausted',
      `the cluster has more than ${clusterObjectsMax} objects, or ${clusterBytesMax} bytes of them`,
      {
        remedy: 'Follow it by a hub of its own.',
      },
    )
  }

  return {
    open(session, said = {}) {
      end()
      knows = { ...nothing, ...said }
      hearing = { session, items: new Map(), bytes: 0 }
    },
    close() {
      end()
      onChange()
    },
    hear(batch) {
      const held = hearing
      if (held === undefined || held.session !== batch.session)
        throw new HoldfastError('invalid', 'a batch of another session')
      for (const answer of batch.answers) settle(answer)
      take(held, batch)
      if (batch.whole === undefined) return
      const digest = digestOf(new Map([...held.items].map(([key, { hash }]) => [key, hash])))
      if (digest !== batch.whole.digest || held.items.size !== batch.whole.count) {
        throw new HoldfastError('invalid', 'what was heard of the cluster is not what it holds')
      }
      heard = batch.whole.heard
      whole = wholeOf(held.items, heard)
      onChange()
    },
    release: (cluster) => done({ verb: 'release', cluster }),
    knows: () => knows,
    count: () => whole?.count,
    knowsKinds: () => heard?.objects,

    start(listener) {
      onChange = listener
      if (whole !== undefined) listener()
    },
    async stop() {
      onChange = () => undefined
    },
    objects: () => whole?.objects,
    inputs: () => whole?.inputs ?? {},
    putFinalizers: ({ kind, name, resourceVersion }, finalizers) =>
      done({ verb: 'finalizers', kind, name, resourceVersion, finalizers: [...finalizers] }),
    putStatus: ({ kind, name }, status) =>
      done({ verb: 'status', kind, name, status: { ...status, conditions: [...status.conditions] } }),
    create: (resource) => done({ verb: 'create', resource: written(resource) }),
    update: (resource) => done({ verb: 'update', resource: written(resource) }),
    remove: async (kind, name) => (await ask({ verb: 'remove', kind, name })) ?? false,
    async isThere(ref) {
      const answer = await ask({ verb: 'isThere', ref: refOf(ref) })
      // Nothing may go because of a word that was not said.
      if (answer === undefined)
        throw new HoldfastError('invalid', 'the agent of the cluster does not say whether it is there')
      return answer
    },
    tell: (object, { action, note, reason }) =>
      done({ verb: 'tell', ref: refOf(object), event: { reason, action, note: note.slice(0, 8_192) } }),
    putLabels(object, labels) {
      const { kind, name } = object
      const of = 'uid' in object ? refOf(object) : { kind: kind as ClusterObject['kind'], name }
      return done({ verb: 'labels', of, labels: { ...labels } })
    },
    putImport(write) {
      const isPlain =
        !('spec' in write) || (write.spec.type === 'ClusterSetIP' && write.spec.sessionAffinity === 'None')
      if (isPlain || knows.importTypes) return done({ verb: 'import', write })
      const words = 'the agent of the cluster is of a version that knows no such ServiceImport'
      return Promise.reject(new HoldfastError('unsupported', words, { remedy: 'Update it.' }))
    },
    putInputStatus: ({ kind }) =>
      Promise.reject(new HoldfastError('unsupported', `agents of clusters tell of no ${kind}`)),
    putConditions: (object, conditions) =>
      done({ verb: 'conditions', ref: refOf(object), conditions: [...conditions] }),
  }
}
