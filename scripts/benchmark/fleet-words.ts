// What the processes of a simulated fleet say to each other over their IPC channel. Times are nanoseconds of the
// monotonic clock, which all processes of one machine share.

import type { Enrolled } from '../simulator/device.ts'

/** One agent to run: its device's seed and what the hub made of it, in a form that JSON carries. */
export interface Recruit {
  readonly name: string
  /** Base64. */
  readonly seed: string
  readonly identity: Enrolled['identity']
}

/** A connection without an agent behind it: what it logs in with. */
export interface Idler {
  readonly node: string
  readonly password: string
}

export type ToHub =
  | { readonly type: 'admit'; readonly count: number }
  | { readonly type: 'enrol'; readonly count: number }
  | { readonly type: 'change'; readonly port: number }

export type FromHub =
  | {
      readonly type: 'admitted'
      readonly idlers: readonly Idler[]
      readonly network: string
      readonly url: string
      /** DER, base64. */
      readonly authority: string
    }
  | { readonly type: 'listening' }
  | { readonly type: 'enrolled'; readonly recruits: readonly Recruit[] }
  | { readonly type: 'changed'; readonly port: number; readonly atNs: string }
  | { readonly type: 'failed'; readonly why: string }

export type ToAgents = { readonly type: 'start'; readonly recruits: readonly Recruit[] }

export type FromAgents =
  | { readonly type: 'online'; readonly count: number }
  /** Every agent of the process enforces the policy with that port; when each began to. */
  | { readonly type: 'applied'; readonly port: number; readonly atNs: readonly string[] }
  | { readonly type: 'failed'; readonly why: string }

export type ToIdlers = Extract<FromHub, { type: 'admitted' }>

export type FromIdlers =
  | { readonly type: 'connected'; readonly count: number }
  | { readonly type: 'failed'; readonly why: string }

export function nowNs(): bigint {
  return process.hrtime.bigint()
}
