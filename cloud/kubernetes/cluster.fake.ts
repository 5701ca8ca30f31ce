// A cluster in memory. What its store holds and what was heard of it are two things, as they are between an API server and those
// who follow it: the one may be replaced while the other still tells of before.

import { HoldfastError } from '../../shared/errors.ts'
import type { AnyResource } from '../../shared/intent/resource.ts'
import type { Cluster, ClusterEvent, ClusterKind, ClusterObject } from './cluster.ts'
import { finalizer } from './cluster.ts'
import { keyOf, objectOf, resourceKey } from './cluster-intent.ts'
import { type ImportWrite, importLabel } from './imports/plan.ts'
import { type InputKind, type InputObject, type InputRef, type Inputs, inputKinds, inputName } from './input.ts'

type Texts = Readonly<Record<string, string>>

interface Kept {
  readonly objects: ReadonlyMap<string, ClusterObject>
  readonly inputs: ReadonlyMap<string, InputObject>
}

function inputKey(ref: InputRef): string {
  return `${ref.kind} ${inputName(ref)}`
}

/** @testonly */
export class FakeCluster implements Cluster {
  readonly events: (ClusterEvent & { readonly at: string })[] = []
  readonly conditions = new Map<string, unknown>()
  /** Labels that were set beside those of people, by object. */
  readonly labelled = new Map<string, Readonly<Record<string, string>>>()
  labelWrites = 0
  importWrites = 0
  statusWrites = 0
  /** Kinds that the API server does not know, and kinds that were not listed yet. */
  readonly unserved = new Set<InputKind>()
  readonly unheard = new Set<InputKind>()
  #store: { readonly objects: Map<string, ClusterObject>; readonly inputs: Map<string, InputObject> }
  #heard: Kept = { objects: new Map(), inputs: new Map() }
  #isFrozen = false
  #version = 0
  #onChange: () => void = () => undefined

  constructor(from?: Kept) {
    this.#store = { objects: new Map(from?.objects), inputs: new Map(from?.inputs) }
    this.hear()
  }

  /** What is heard stays as it is from here on, whatever becomes of the store. */
  freeze(): void {
    this.#isFrozen = true
  }

  hear(): void {
    this.#isFrozen = false
    this.#changed()
  }

  /** As a backup holds it. */
  backup(): Kept {
    return { objects: new Map(this.#store.objects), inputs: new Map(this.#store.inputs) }
  }

  restore({ inputs, objects }: Kept): void {
    this.#store = { objects: new Map(objects), inputs: new Map(inputs) }
    this.#changed()
  }

  apply(ref: InputRef, spec: unknown, annotations: Texts = {}, more: Texts = {}): void {
    const version = String(++this.#version)
    // Labels that others set stay.
    const labels = { ...this.#store.inputs.get(inputKey(ref))?.labels, ...more }
    const about = { uid: `uid-${version}`, resourceVersion: version, generation: this.#version, labels, annotations }
    const status = this.#store.inputs.get(inputKey(ref))?.status
    this.#store.inputs.set(inputKey(ref), { ...ref, ...about, spec, status })
    this.#changed()
  }

  delete(ref: InputRef): void {
    this.#store.inputs.delete(inputKey(ref))
    this.#changed()
  }

  /** Of our kinds, by `Kind/name`. */
  object(key: string): ClusterObject | undefined {
    return this.#store.objects.get(key)
  }

  #changed(): void {
    if (!this.#isFrozen) this.#heard = this.backup()
    this.#onChange()
  }

  #put(key: string, object: ClusterObject): void {
    this.#store.objects.set(key, { ...object, resourceVersion: String(++this.#version) })
    this.#changed()
  }

  #held(key: string): ClusterObject {
    const held = this.#store.objects.get(key)
    if (held === undefined) throw new HoldfastError('not-found', `there is no ${key}`)
    return held
  }

  #write(resource: AnyResource): void {
    const key = resourceKey(resource)
    const { kind, metadata } = resource
    const held = this.#store.objects.get(key)
    this.#put(key, {
      kind: kind as ClusterKind,
      name: metadata.name,
      resourceVersion: '',
      generation: (held?.generation ?? 0) + 1,
      isLeaving: held?.isLeaving ?? false,
      finalizers: [finalizer],
      intent: objectOf(resource),
      status: held?.status,
    })
  }

  start(onChange: () => void): void {
    this.#onChange = onChange
    onChange()
  }

  async stop(): Promise<void> {
    this.#onChange = () => undefined
  }

  objects = (): readonly ClusterObject[] => [...this.#heard.objects.values()]

  inputs(): Inputs {
    const all = [...this.#heard.inputs.values()]
    const heard = inputKinds.map((kind) => [
      kind,
      this.unserved.has(kind) ? ('unserved' as const) : all.filter((one) => one.kind === kind),
    ])
    return Object.fromEntries(heard.filter(([kind]) => !this.unheard.has(kind as InputKind))) as Inputs
  }

  async putFinalizers({ kind, name, resourceVersion }: ClusterObject, finalizers: readonly string[]): Promise<void> {
    const key = keyOf({ kind, name })
    const held = this.#held(key)
    if (held.resourceVersion !== resourceVersion) throw new HoldfastError('conflict', `${key} is another by now`)
    if (held.isLeaving && finalizers.length === 0) {
      this.#store.objects.delete(key)
      this.#changed()
    } else this.#put(key, { ...held, finalizers })
  }

  async putStatus({ kind, name }: ClusterObject, status: unknown): Promise<void> {
    const key = keyOf({ kind, name })
    this.#put(key, { ...this.#held(key), status })
  }

  async create(resource: AnyResource): Promise<void> {
    const key = resourceKey(resource)
    if (this.#store.objects.has(key)) throw new HoldfastError('conflict', `${key} is there`)
    this.#write(resource)
  }

  async update(resource: AnyResource): Promise<void> {
    this.#write(resource)
  }

  async remove(kind: ClusterKind, name: string): Promise<boolean> {
    const key = keyOf({ kind, name })
    const held = this.#store.objects.get(key)
    if (held === undefined) return false
    if (held.finalizers.length > 0) this.#put(key, { ...held, isLeaving: true })
    else this.#store.objects.delete(key)
    this.#changed()
    return true
  }

  async isThere(ref: InputRef): Promise<boolean> {
    return this.#store.inputs.has(inputKey(ref))
  }

  async tell(object: InputObject, event: ClusterEvent): Promise<void> {
    this.events.push({ ...event, at: inputKey(object) })
  }

  async putLabels(object: ClusterObject | InputObject, labels: Readonly<Record<string, string>>): Promise<void> {
    const key = 'uid' in object ? inputKey(object) : keyOf(object)
    const owned = Object.keys(this.labelled.get(key) ?? {})
    const after = (before: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
      ...Object.fromEntries(Object.entries(before).filter(([one]) => !owned.includes(one))),
      ...labels,
    })
    this.labelled.set(key, labels)
    this.labelWrites += 1
    if ('uid' in object) {
      const held = this.#store.inputs.get(key)
      if (held === undefined) throw new HoldfastError('not-found', `there is no ${key}`)
      this.#store.inputs.set(key, { ...held, labels: after(held.labels), resourceVersion: String(++this.#version) })
      this.#changed()
      return
    }
    const held = this.#held(key)
    const intent = held.intent as { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } }
    const metadata = { ...intent.metadata, labels: after(intent.metadata.labels ?? {}) }
    this.#put(key, { ...held, intent: { ...intent, metadata } })
  }

  async putImport(write: ImportWrite): Promise<void> {
    const { name, namespace } = write
    const ref = { kind: 'ServiceImport', namespace, name } as const
    const key = inputKey(ref)
    const held = this.#store.inputs.get(key)
    this.importWrites += 1
    if (write.verb === 'create') {
      if (!this.#store.inputs.has(inputKey({ kind: 'Namespace', namespace: '', name: namespace })))
        throw new HoldfastError('not-found', `there is no namespace ${namespace}`)
      if (held !== undefined) throw new HoldfastError('conflict', `${key} is there`)
      return this.apply(ref, write.spec, {}, { [importLabel]: write.network })
    }
    if (held === undefined) throw new HoldfastError('not-found', `there is no ${key}`)
    if (held.uid !== write.uid) throw new HoldfastError('conflict', `${key} is another by now`)
    if (write.verb === 'delete') return this.delete(ref)
    const change =
      write.verb === 'update'
        ? { spec: write.spec, labels: { ...held.labels, [importLabel]: write.network } }
        : { status: { clusters: write.clusters.map((cluster) => ({ cluster })) } }
    this.#store.inputs.set(key, { ...held, ...change, resourceVersion: String(++this.#version) })
    this.#changed()
  }

  async putInputStatus(object: InputObject, { ...status }: Readonly<Record<string, unknown>>): Promise<void> {
    const key = inputKey(object)
    const held = this.#store.inputs.get(key)
    if (held === undefined) throw new HoldfastError('not-found', `there is no ${key}`)
    if (held.resourceVersion !== object.resourceVersion) throw new HoldfastError('conflict', `${key} is another by now`)
    this.statusWrites += 1
    const next = { ...(held.status as object | undefined), ...status }
    this.#store.inputs.set(key, { ...held, status: next, resourceVersion: String(++this.#version) })
    this.#changed()
  }

  async putConditions(object: InputRef, conditions: unknown): Promise<void> {
    this.conditions.set(inputKey(object), conditions)
  }
}
