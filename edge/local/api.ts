// What the local API offers, as one table: the server answers from it, the client calls by it.

import * as v from 'valibot'
import { integer } from '../../shared/intent/field.ts'
import { overrideBytesMax, overrideDurationMsMax, overrideDurationMsMin } from '../../shared/limits.ts'
import { overrideBy, overridePolicies, overrideReason } from '../../shared/override/override.ts'
import type { OverrideView } from '../../shared/override/report.ts'
import type { Version } from '../../shared/record/head.ts'
import type { AgentStatus } from '../agent.ts'
import type { MirrorView } from '../mirror/order.ts'
import type { JournalEntry } from '../store/store.ts'
import type { Place } from '../update/candidate.ts'
import type { Build } from '../update/case.ts'
import type { OrderView } from '../update/order-doors.ts'
import type { UpdateView } from '../update/view.ts'
import type { ShownOp } from './shown-op.ts'

export const paths = {
  /** Where a Prometheus looks by itself. */
  metrics: '/metrics',
  status: '/v1/status',
  paths: '/v1/paths',
  history: '/v1/history',
  plan: '/v1/plan',
  journal: '/v1/journal',
  flows: '/v1/flows',
  flowBatches: '/v1/flows/batches',
  flowFault: '/v1/flows/fault',
  wake: '/v1/wake',
  retry: '/v1/retry',
  confirm: '/v1/confirm',
  update: '/v1/update',
  stop: '/v1/stop',
  ping: '/v1/ping',
  intent: '/v1/intent',
  trust: '/v1/trust',
  keys: '/v1/keys',
  rotateKey: '/v1/keys/rotate',
  rotateDeviceKey: '/v1/keys/rotate-device',
  forgetKeys: '/v1/keys/forget',
  drain: '/v1/drain',
  drainEnd: '/v1/drain/end',
  goes: '/v1/drain/go',
  overrides: '/v1/overrides',
  override: '/v1/overrides/set',
  restore: '/v1/overrides/restore',
  mirror: '/v1/mirror',
  mirrorStart: '/v1/mirror/start',
  mirrorStop: '/v1/mirror/stop',
} as const

/** What came of a file of intent. */
export interface ImportAnswer {
  /** It brought newer intent than was held. */
  readonly taken: boolean
  readonly held: Version
}

/** Where another version would be put, and what became of the last. */
export interface UpdatesAnswer extends Place {
  readonly home: string
  readonly runs: Build
  /** Why this is not the time for another one; absent where it is. */
  readonly busy?: string
  /** Absent where there never was one. */
  readonly update?: UpdateView
  /** What the hub wants to run here; absent where this agent takes no orders. */
  readonly order?: OrderView
}

export interface PlanAnswer {
  readonly ops: readonly ShownOp[]
}

export interface JournalAnswer {
  readonly entries: readonly JournalEntry[]
}

export interface OverridesAnswer {
  readonly overrides: readonly OverrideView[]
}

/** Without one in it there is none. */
export interface MirrorStatusAnswer {
  readonly mirror?: MirrorView | undefined
}

/** What sets a policy override. */
export const overrideOrder = v.strictObject({
  policies: overridePolicies,
  durationMs: integer(overrideDurationMsMin, overrideDurationMsMax),
  reason: overrideReason,
  by: overrideBy,
})

/** What ends one early; without an id the only one. */
export const restoreOrder = v.strictObject({ id: v.optional(v.pipe(v.string(), v.maxLength(63))), by: overrideBy })
export type RestoreOrder = v.InferOutput<typeof restoreOrder>

/** Twice the largest override: people indent. */
export const orderBytesMax = 2 * overrideBytesMax

/** One line of the stream that answers a ping. */
export type PingLine =
  | {
      readonly seq: number
      readonly node: string
      readonly address: string
      /** Absent where nothing came back in time. */
      readonly rttMs?: number
      readonly path: AgentStatus['peers'][number]['path']
    }
  | { readonly error: { readonly code: string; readonly message: string; readonly remedy?: string } }

/** What is wrong with the record of flows. */
export interface FlowFaultAnswer {
  readonly fault?: string | undefined
}

/** Pings one request may ask for; a longer watch is a loop of the caller's. */
export const pingCountMax = 10_000
/** Journal entries in one answer. */
export const journalLimitMax = 2_000
