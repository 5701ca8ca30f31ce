// What of a cluster its agent tells the hub, as text by key: as much as the hub makes something of, and no more. Pure.

import { HoldfastError } from '../../shared/errors.ts'
import type { Cluster, ClusterObject } from '../kubernetes/cluster.ts'
import { isOurs } from '../kubernetes/imports/plan.ts'
import {
  type InputKind,
  type InputObject,
  type Inputs,
  inputName,
  isGatewayKind,
  toldKinds,
} from '../kubernetes/input.ts'
import { clusterObjectBytesMax } from './cluster-limits.ts'
import { type Heard, type Item, itemKey } from './messages.ts'

/** Where annotations and labels of ours begin; those of others say nothing to the hub. */
const OURS = 'holdfast.dev/'

type Texts = Readonly<Record<string, string>>
type Loose = Readonly<Record<string, unknown>>

function oursOf(all: Texts): Record<string, string> {
  return Object.fromEntries(Object.entries(all).filter(([key]) => key.startsWith(OURS)))
}

function looseOf(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {}
}

function pick(value: unknown, keys: readonly string[]): Loose {
  return Object.fromEntries(Object.entries(looseOf(value)).filter(([key]) => keys.includes(key)))
}

const importFields = ['type', 'sessionAffinity', 'sessionAffinityConfig', 'ips', 'ports']

/** Of a Node nothing but where its pods are, and of a ServiceImport what the hub wrote there. */
function specOf(input: InputObject): unknown {
  const { kind, spec } = input
  if (kind === 'Node') return pick(spec, ['podCIDR', 'podCIDRs'])
  if (kind === 'ServiceImport') return isOurs(input) ? pick(spec, importFields) : {}
  return kind === 'Namespace' ? {} : spec
}

function statusOf(input: InputObject): object {
  const { kind, status } = input
  if (status === undefined) return {}
  if (kind === 'ServiceExport') return { status }
  return kind === 'ServiceImport' && isOurs(input) ? { status: pick(status, ['clusters']) } : {}
}

/** Put in place of what is too large to be told: it reads as nothing, and so is closed. */
const unreadable = 'too large to be told'

function inputItem(input: InputObject): Item {
  const { generation, kind, name, namespace, uid, version } = input
  if (isGatewayKind(kind)) throw new HoldfastError('unsupported', `no hub is told of a ${kind}`)
  const more = { annotations: oursOf(input.annotations), labels: oursOf(input.labels) }
  const seen = { ...statusOf(input), ...(version === undefined ? {} : { version }) }
  return { input: { kind, namespace, name, uid, generation, ...more, spec: specOf(input), ...seen } }
}

function objectItem(object: ClusterObject): Item {
  const { finalizers, generation, intent, isLeaving, kind, name, resourceVersion, status } = object
  const told = status === undefined ? {} : { status }
  return {
    object: { kind, name, resourceVersion, generation, isLeaving, finalizers: [...finalizers], intent, ...told },
  }
}

function sized(item: Item): string {
  const text = JSON.stringify(item)
  if (text.length * 3 <= clusterObjectBytesMax || Buffer.byteLength(text) <= clusterObjectBytesMax) return text
  if ('object' in item) return JSON.stringify({ object: { ...item.object, intent: unreadable, status: undefined } })
  return JSON.stringify({ input: { ...item.input, spec: unreadable, status: undefined } })
}

/** An object is put into words once, however often it is looked at. */
const texts = new WeakMap<object, string>()

function textOf(object: ClusterObject | InputObject): string {
  const held = texts.get(object) ?? sized('intent' in object ? objectItem(object) : inputItem(object))
  texts.set(object, held)
  return held
}

function keyFor(object: ClusterObject | InputObject): string {
  return itemKey('intent' in object ? objectItem(object) : inputItem(object))
}

export interface Telling {
  readonly items: ReadonlyMap<string, string>
  readonly heard: Heard
}

/** What the hub makes something of: namespaces are for ServiceImports alone. */
function inputsFor(cluster: Pick<Cluster, 'inputs'>, hasImports: boolean): Inputs {
  const all = cluster.inputs()
  const told: Inputs = Object.fromEntries(
    toldKinds.flatMap((kind) => (all[kind] === undefined ? [] : [[kind, all[kind]] as const])),
  )
  const { Namespace: namespaces, ServiceImport: imports, ...rest } = told
  if (!hasImports || imports === undefined) return rest
  if (imports === 'unserved' || namespaces === undefined) return { ...rest, ServiceImport: imports }
  return { ...rest, Namespace: namespaces, ServiceImport: imports }
}

/**
 * Services only as far as they are exported: a cluster has many, and they change with every deployment. `hasImports`: the hub
 * knows what ServiceImports are.
 */
export function tellingOf(cluster: Pick<Cluster, 'inputs' | 'objects'>, hasImports: boolean): Telling {
  const [objects, inputs] = [cluster.objects(), inputsFor(cluster, hasImports)]
  const items = new Map<string, string>()
  for (const one of objects ?? []) items.set(keyFor(one), textOf(one))
  const listed = (kind: InputKind): readonly InputObject[] => {
    const heard = inputs[kind]
    return heard === undefined || heard === 'unserved' ? [] : heard
  }
  const exported = new Set(listed('ServiceExport').map(inputName))
  for (const kind of toldKinds) {
    for (const one of listed(kind)) {
      if (kind !== 'Service' || exported.has(inputName(one))) items.set(keyFor(one), textOf(one))
    }
  }
  const states = Object.entries(inputs).map(([kind, heard]) => [kind, heard === 'unserved' ? heard : 'listed'] as const)
  return { items, heard: { objects: objects !== undefined, inputs: Object.fromEntries(states) } }
}
