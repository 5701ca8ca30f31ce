// What the API answers, as far as the command line reads it.

import type { AnyResource, Kind } from '../../shared/intent/resource.ts'
import type { FleetNode, ResourceCondition } from '../hub.ts'

export interface Presented<K extends Kind = Kind> {
  readonly kind: K
  readonly metadata: AnyResource['metadata'] & { readonly resourceVersion: string }
  readonly spec: Extract<AnyResource, { kind: K }>['spec']
  readonly status: {
    readonly conditions: readonly ResourceCondition[]
    readonly addresses?: readonly string[]
  } & Readonly<Record<string, unknown>>
}

export interface List<T> {
  readonly items: readonly T[]
}

/** Health comes with its meaning spelled out. */
export type FleetRow = Omit<FleetNode, 'health'> & {
  readonly health: readonly {
    readonly code: string
    readonly severity: string
    readonly title: string
    readonly remedy: string
    readonly detail?: string
  }[]
}
