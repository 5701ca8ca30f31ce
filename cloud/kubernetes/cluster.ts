// A Kubernetes cluster as the hub's controller sees it: the objects of our kinds, and the three things it writes there.

import type { AnyResource, Kind } from '../../shared/intent/resource.ts'
import type { UplinkView } from '../fleet/uplink.ts'
import type { ImportWrite } from './imports/plan.ts'
import type { InputObject, InputRef, Inputs } from './input.ts'

/** Kinds that people apply. */
export type ClusterKind = Exclude<Kind, 'JoinToken'>

export interface ClusterCondition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly observedGeneration: number
  /** RFC 3339. */
  readonly lastTransitionTime: string
  readonly reason: string
  readonly message: string
}

/** As people read it there. */
export interface ClusterStatus {
  readonly observedGeneration: number
  readonly revision?: string
  readonly programmed?: string
  readonly uplink?: UplinkView
  readonly conditions: readonly ClusterCondition[]
}

export interface ClusterObject {
  readonly kind: ClusterKind
  readonly name: string
  readonly resourceVersion: string
  /** Counts changes of the spec. */
  readonly generation: number
  /** Somebody deleted it; it stays until all finalizers are taken off. */
  readonly isLeaving: boolean
  readonly finalizers: readonly string[]
  /** As people wrote it: apiVersion, kind, metadata, spec. Not checked. */
  readonly intent: unknown
  readonly status: unknown
}

/** Keeps an object there until the hub has taken it out of the network: no deletion is missed while the hub is away. */
export const finalizer = 'holdfast.dev/hub'

/** What people who apply objects do not write, and hub and API server do. */
export const fieldManager = 'holdfast-hub'
/** Of labels that tell of uplinks, and of nothing else. */
export const uplinkFieldManager = 'holdfast-uplink'

/** An event at an object of the cluster, for the people whose it is. */
export interface ClusterEvent {
  /** Words for programs: why, and what was being done. */
  readonly reason: string
  readonly action: string
  /** For people; cut to what an event holds. */
  readonly note: string
}

export interface Cluster {
  /** Follows the cluster from now on; tries again by itself, ever more seldom. */
  start(onChange: () => void): void
  stop(): Promise<void>
  /** Everything of our kinds, as last heard; undefined until each kind was listed once. */
  objects(): readonly ClusterObject[] | undefined
  /** Fails with `conflict` where the object is another by now, with `not-found` where it is gone. */
  putFinalizers(object: ClusterObject, finalizers: readonly string[]): Promise<void>
  putStatus(object: ClusterObject, status: ClusterStatus): Promise<void>
  /** Writes what the hub has and the cluster has not; with our finalizer. Fails with `conflict` where it is there by now. */
  create(resource: AnyResource): Promise<void>
  /** Makes the object of a resource say what the resource says, whoever changed it. */
  update(resource: AnyResource): Promise<void>
  /** Asks for the object’s deletion; false where it is not there. */
  remove(kind: ClusterKind, name: string): Promise<boolean>
  /** What the cluster holds besides our kinds, as last heard. */
  inputs(): Inputs
  /** Asks the API server itself, past all that was heard. */
  isThere(ref: InputRef): Promise<boolean>
  tell(object: InputObject, event: ClusterEvent): Promise<void>
  /** Sets those conditions, and leaves those that others set. */
  putConditions(object: InputRef, conditions: readonly ClusterCondition[]): Promise<void>
  /** Replaces those fields of the object’s status. Fails with `conflict` where the object is another by now. */
  putInputStatus(object: InputObject, status: Readonly<Record<string, unknown>>): Promise<void>
  /** Sets those labels, and takes away what was set before in this way; labels of others stay. */
  putLabels(object: ClusterObject | InputObject, labels: Readonly<Record<string, string>>): Promise<void>
  /** Fails with `conflict` or `not-found` where the object is another by now, and with `not-found` without its namespace. */
  putImport(write: ImportWrite): Promise<void>
}
