// How services stand on this node, for status.

import type { Address } from '../../shared/address/cidr.ts'
import type { Name } from '../../shared/ids.ts'
import type { Standing } from './choose.ts'

export interface BackendStatus {
  /** Of a pod `namespace/name`, … */
  readonly name: string
  /** … and the node that leads to it. */
  readonly behind?: Name
  readonly state: Standing
  /** Absent where it is not asked. */
  readonly rttMs?: number
  /** Why it gets nothing. */
  readonly why?: string
}

export interface ServiceStatus {
  readonly name: Name
  readonly addresses: readonly Address[]
  /** Somebody on this node or behind it asked for it lately: its backends are looked after. */
  readonly inUse: boolean
  readonly backends: readonly BackendStatus[]
}
