// What the agent of a cluster and the hub say to each other: JSON, packed. Both parse what they hear; neither believes it.
//
// The agent tells what its cluster holds, batch by batch, each acknowledged; at the end of each round it says how much that is in
// all, and its digest. Only what has that digest counts, so no part that was lost, cut or made up is taken for the whole. The
// hub asks for writes, by number.

import * as v from 'valibot'
import { compareText, concat, fromUtf8, toBase64, utf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { inflate } from '../../shared/host/inflate.ts'
import { appliedKinds } from '../../shared/intent/resource.ts'
import { type ToldKind, toldKinds } from '../kubernetes/input.ts'
import {
  clusterBatchMax,
  clusterImportPortsMax,
  clusterMessageBytesMax,
  clusterObjectBytesMax,
  clustersMax,
} from './cluster-limits.ts'

/** Raised by what an agent or a hub of before would misread. */
export const clusterProtocol = 1

const word = v.pipe(v.string(), v.maxLength(300))
const session = v.pipe(v.string(), v.regex(/^[a-z2-7]{16}$/))
const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const texts = v.pipe(
  v.record(word, v.pipe(word)),
  v.check((all) => Object.keys(all).length <= 512),
)

const ourKind = v.picklist(appliedKinds)
const inputKind = v.picklist(toldKinds)

/** An object of a kind of ours. */
const objectSchema = v.strictObject({
  kind: ourKind,
  name: word,
  resourceVersion: word,
  generation: count,
  isLeaving: v.boolean(),
  finalizers: v.pipe(v.array(word), v.maxLength(64)),
  intent: v.unknown(),
  status: v.optional(v.unknown()),
})

/** Any other. */
const inputSchema = v.strictObject({
  kind: inputKind,
  namespace: word,
  name: word,
  uid: word,
  generation: count,
  annotations: texts,
  labels: texts,
  spec: v.optional(v.unknown()),
  status: v.optional(v.unknown()),
  version: v.optional(word),
})

const refSchema = v.strictObject({ kind: inputKind, namespace: word, name: word })

const objectRef = v.strictObject({ kind: ourKind, name: word })

const heardSchema = v.strictObject({
  /** Whether the cluster knows our kinds; what is missing there is told of by nothing else. */
  objects: v.boolean(),
  inputs: v.partial(
    v.strictObject(
      Object.fromEntries(toldKinds.map((kind) => [kind, v.picklist(['listed', 'unserved'])])) as Record<
        ToldKind,
        v.PicklistSchema<['listed', 'unserved'], undefined>
      >,
    ),
  ),
})
export type Heard = v.InferOutput<typeof heardSchema>

const answerSchema = v.strictObject({
  id: count,
  value: v.optional(v.boolean()),
  error: v.optional(v.strictObject({ code: word, message: v.pipe(v.string(), v.maxLength(2_000)) })),
})
export type CallAnswer = v.InferOutput<typeof answerSchema>

const upSchema = v.variant('type', [
  v.looseObject({
    type: v.literal('hello'),
    session,
    protocol: count,
    version: word,
    /** Of the namespace `kube-system`, by which a cluster is known. */
    cluster: word,
    /** It may be asked to write ServiceImports; agents of before don't say so. */
    imports: v.optional(v.boolean()),
    /** Of all types, and with affinity. */
    importTypes: v.optional(v.boolean()),
    /** Its Nodes are to have labels that tell of uplinks. */
    nodeLabels: v.optional(v.boolean()),
  }),
  v.strictObject({
    type: v.literal('batch'),
    session,
    seq: count,
    put: v.pipe(v.array(v.pipe(v.string(), v.maxLength(clusterObjectBytesMax))), v.maxLength(clusterBatchMax)),
    del: v.pipe(v.array(v.pipe(v.string(), v.maxLength(700))), v.maxLength(clusterBatchMax)),
    /** With the last batch of a round. */
    whole: v.optional(v.strictObject({ heard: heardSchema, count, digest: word })),
    answers: v.pipe(v.array(answerSchema), v.maxLength(clusterBatchMax)),
  }),
])
export type Up = v.InferOutput<typeof upSchema>
export type Hello = Extract<Up, { type: 'hello' }>
export type Batch = Extract<Up, { type: 'batch' }>

const conditions = v.pipe(
  v.array(
    v.strictObject({
      type: word,
      status: v.picklist(['True', 'False', 'Unknown']),
      observedGeneration: count,
      lastTransitionTime: word,
      reason: word,
      message: v.pipe(v.string(), v.maxLength(32_768)),
    }),
  ),
  v.maxLength(16),
)

const finalizers = v.pipe(v.array(word), v.maxLength(64))

const at = { namespace: word, name: word }
const importSpec = v.strictObject({
  type: v.picklist(['ClusterSetIP', 'Headless']),
  sessionAffinity: v.picklist(['None', 'ClientIP']),
  sessionAffinityConfig: v.exactOptional(v.strictObject({ clientIP: v.strictObject({ timeoutSeconds: count }) })),
  ips: v.pipe(v.array(word), v.maxLength(2), v.readonly()),
  ports: v.pipe(
    v.array(v.strictObject({ name: v.exactOptional(word), protocol: word, port: count })),
    v.maxLength(clusterImportPortsMax),
    v.readonly(),
  ),
})
const importSchema = v.variant('verb', [
  v.strictObject({ verb: v.literal('create'), ...at, network: word, spec: importSpec }),
  v.strictObject({ verb: v.literal('update'), ...at, network: word, spec: importSpec, uid: word }),
  v.strictObject({
    verb: v.literal('status'),
    ...at,
    uid: word,
    clusters: v.pipe(v.array(word), v.maxLength(clustersMax + 1), v.readonly()),
  }),
  v.strictObject({ verb: v.literal('delete'), ...at, uid: word }),
])

/** Writes that the hub may ask for, and no others. */
const callSchema = v.variant('verb', [
  v.strictObject({ verb: v.literal('finalizers'), kind: ourKind, name: word, resourceVersion: word, finalizers }),
  v.strictObject({ verb: v.literal('status'), kind: ourKind, name: word, status: v.looseObject({ conditions }) }),
  v.strictObject({ verb: v.picklist(['create', 'update']), resource: v.unknown() }),
  v.strictObject({ verb: v.literal('remove'), kind: ourKind, name: word }),
  v.strictObject({ verb: v.literal('isThere'), ref: refSchema }),
  v.strictObject({
    verb: v.literal('tell'),
    ref: refSchema,
    event: v.strictObject({ reason: word, action: word, note: v.pipe(v.string(), v.maxLength(8_192)) }),
  }),
  v.strictObject({ verb: v.literal('labels'), of: v.union([refSchema, objectRef]), labels: texts }),
  v.strictObject({ verb: v.literal('conditions'), ref: refSchema, conditions }),
  v.strictObject({ verb: v.literal('import'), write: importSchema }),
  /** The cluster is let go: mirrors and finalizers of the hub go. */
  v.strictObject({ verb: v.literal('release'), cluster: word }),
])
export type Call = v.InferOutput<typeof callSchema>

const downSchema = v.variant('type', [
  /** The hub is there, and asks who is. */
  v.strictObject({ type: v.literal('who') }),
  /** `imports`: it wants to hear of ServiceImports and namespaces; said to agents that know what that is. */
  v.strictObject({ type: v.literal('welcome'), session, cluster: word, imports: v.optional(v.boolean()) }),
  v.strictObject({ type: v.literal('refused'), session, why: word, remedy: v.optional(word) }),
  v.strictObject({ type: v.literal('got'), session, seq: count }),
  /** From the beginning, please. */
  v.strictObject({ type: v.literal('again'), session }),
  v.strictObject({ type: v.literal('call'), session, id: count, call: callSchema }),
])
export type Down = v.InferOutput<typeof downSchema>

export function encodeMessage(message: Up | Down): Uint8Array {
  return deflate(utf8(JSON.stringify(message)))
}

function parseMessage<S extends v.GenericSchema>(schema: S, payload: Uint8Array): v.InferOutput<S> {
  let value: unknown
  try {
    value = JSON.parse(fromUtf8(inflate(payload, clusterMessageBytesMax)))
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause
    throw new HoldfastError('invalid', 'the message is not JSON', { cause })
  }
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  throw new HoldfastError('invalid', `the message can’t be read: ${issue.message}`, {
    field: v.getDotPath(issue)?.slice(0, 120) ?? 'message',
  })
}

/** Throws `invalid` and `too-large`. */
export function parseUp(payload: Uint8Array): Up {
  return parseMessage(upSchema, payload)
}

/** Throws `invalid` and `too-large`. */
export function parseDown(payload: Uint8Array): Down {
  return parseMessage(downSchema, payload)
}

const itemSchema = v.union([v.strictObject({ object: objectSchema }), v.strictObject({ input: inputSchema })])
export type Item = v.InferOutput<typeof itemSchema>

export function itemKey(item: Item): string {
  if ('object' in item) return `object ${item.object.kind} ${item.object.name}`
  const { kind, name, namespace } = item.input
  return `input ${kind} ${namespace}/${name}`
}

/** Throws `invalid`. */
export function parseItem(text: string): Item {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new HoldfastError('invalid', 'an object of the cluster is not JSON', { cause })
  }
  const parsed = v.safeParse(itemSchema, value)
  if (parsed.success) return parsed.output
  throw new HoldfastError('invalid', `an object of the cluster can’t be read: ${parsed.issues[0].message}`)
}

/** The same for the same objects, whatever the order in which they came. */
export function digestOf(items: ReadonlyMap<string, Uint8Array>): string {
  const keys = [...items.keys()].sort(compareText)
  return toBase64(sha256(concat(...keys.map((key) => items.get(key) ?? new Uint8Array(0)))))
}

export function textHash(text: string): Uint8Array {
  return sha256(utf8(text))
}
