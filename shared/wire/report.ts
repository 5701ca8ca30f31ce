// What an agent reports to the hub: presence and status. The broker's topic rules vouch for the sender.

import * as v from 'valibot'
import { parseEndpoint } from '../address/endpoint.ts'
import { conditionsSchema } from '../health.ts'
import { address, cidr, integer, name, text } from '../intent/field.ts'
import { parseWith } from '../intent/resource.ts'
import { statusBytesMax, statusPeersMax } from '../limits.ts'
import { encodeCanonical, parseCanonical } from '../record/canonical.ts'
import { failingReportedMax, routesReportedMax } from '../route-limits.ts'
import { publishedToldMax } from '../service-limits.ts'
import { tolerantPick, unreadFields } from './tolerant.ts'
import { understandsMax, understoodWordMax } from './understands.ts'
import { uplinkQuality } from './uplink-quality.ts'

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const version = v.object({ epoch: counter, revision: counter })

const presenceSchema = v.strictObject({
  online: v.boolean(),
  /** Pairs a birth with its will: a will of an older session says nothing about the present one. */
  session: v.pipe(v.string(), v.regex(/^[a-z2-7]{16}$/)),
})
/** Of a node, on its own topic, and of the hub. */
export type Presence = v.InferOutput<typeof presenceSchema>

export function encodePresence(presence: Presence): Uint8Array {
  return encodeCanonical(presence)
}

export function parsePresence(bytes: Uint8Array): Presence {
  return parseWith(presenceSchema, parseCanonical(bytes, 256))
}

const pathKinds = ['lan', 'direct', 'relay', 'tls', 'none'] as const
export type PathKind = (typeof pathKinds)[number]

const peerReport = v.object({
  name,
  /** A kind of another age leads there all the same. */
  path: tolerantPick(pathKinds, 'direct'),
  via: v.optional(name),
  endpoint: v.optional(text(parseEndpoint, 'endpoint')),
  /** Microseconds, because canonical numbers are integers. */
  rttUs: v.optional(counter),
  handshakeAgeS: v.optional(counter),
  rxBytes: counter,
  txBytes: counter,
})
export type PeerReport = v.InferOutput<typeof peerReport>

/** Of a subnet: as the mesh calls it. */
const routeReport = v.object({
  block: cidr,
  /** Whom it goes by. */
  used: v.optional(name),
  /** Who answers, while nothing behind him answers through him. */
  failing: v.pipe(v.array(name), v.maxLength(failingReportedMax)),
})
export type RouteReport = v.InferOutput<typeof routeReport>

const programVersion = v.pipe(v.string(), v.maxLength(64))
const check = v.pipe(v.string(), v.maxLength(32))
const detail = v.pipe(v.string(), v.maxLength(500))

/**
 * How an order to run another version stands: `none` is held; it `waits` for something, is being `fetched`, is on `trial`, is
 * `done`, or `refused` for good. One of a later age is on its way.
 */
const orderStates = ['none', 'waiting', 'fetching', 'trial', 'done', 'refused'] as const
export type OrderState = (typeof orderStates)[number]

/** An update of the device's program: on trial, or what became of the last one. */
const updateSchema = v.object({
  trial: v.optional(v.object({ version: programVersion, from: programVersion, since: counter, secondsLeft: counter })),
  last: v.optional(
    v.object({
      outcome: tolerantPick(['confirmed', 'taken-back', 'interrupted'], 'interrupted'),
      version: programVersion,
      from: programVersion,
      at: counter,
      /** What failed, and whether it works again without the update. */
      check: v.optional(check),
      detail: v.optional(detail),
      certain: v.optional(v.boolean()),
    }),
  ),
})

/** Where a device takes connections for a service from outside the mesh. */
const publishedReport = v.object({
  service: name,
  at: text(parseEndpoint, 'endpoint'),
  /** Of another age: it is led all the same. */
  protocol: tolerantPick(['TCP', 'UDP', 'TLS', 'HTTP'], 'TCP'),
})
export type PublishedReport = v.InferOutput<typeof publishedReport>

const statusSchema = v.object({
  version: programVersion,
  /** Absent where the program was never updated. */
  update: v.optional(updateSchema),
  /** Absent where the agent takes no orders to update. */
  order: v.optional(
    v.object({
      /** Of the newest order it has heard; 0 where it has heard none. */
      serial: counter,
      state: tolerantPick(orderStates, 'waiting'),
      version: v.optional(programVersion),
      /** What it waits for, or why it refuses. */
      detail: v.optional(detail),
    }),
  ),
  /** Commands that the device takes from the hub, by kind; absent where it knows of none. */
  commands: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(32))), v.maxLength(16))),
  /** What of newer intent it can be sent, by word; absent where the agent is older than that. */
  understands: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.maxLength(understoodWordMax))), v.maxLength(understandsMax)),
  ),
  boot: counter,
  startedAt: counter,
  addresses: v.pipe(v.array(address), v.maxLength(2)),
  revision: v.object({
    held: version,
    applied: version,
    /** The newest that has proven itself on the device. */
    lastGood: version,
    quarantined: v.optional(version),
    /** Held, and for others to follow first. */
    waiting: v.optional(version),
    /** The revision that is watched now. */
    trial: v.optional(v.object({ version, since: counter, secondsLeft: counter })),
    quarantine: v.optional(
      v.object({
        version,
        since: counter,
        /** What failed: a word for programs, and the case in a sentence. */
        check,
        detail,
        /** False while it is still open whether the revision was to blame. */
        certain: v.boolean(),
      }),
    ),
  }),
  peers: v.pipe(v.array(peerReport), v.maxLength(statusPeersMax)),
  /** Peers in all, and those with a working path; `peers` may list fewer. */
  peersTotal: counter,
  peersReachable: counter,
  /** Subnets that several nodes lead to, or where it asks a machine behind them; absent where there are none. */
  routes: v.optional(v.pipe(v.array(routeReport), v.maxLength(routesReportedMax))),
  /** Absent where the agent is older than that. */
  uplink: v.optional(uplinkQuality),
  /** Absent where it publishes nothing, or the agent is older than that. */
  published: v.optional(v.pipe(v.array(publishedReport), v.maxLength(publishedToldMax))),
  health: conditionsSchema,
  host: v.object({
    os: v.pipe(v.string(), v.maxLength(128)),
    kernel: v.pipe(v.string(), v.maxLength(128)),
    arch: v.pipe(v.string(), v.maxLength(32)),
    wireguard: tolerantPick(['kernel', 'wireguard-go', 'none'], 'kernel'),
  }),
  at: counter,
})
export type StatusReport = v.InferOutput<typeof statusSchema>

export function encodeStatus(status: StatusReport): Uint8Array {
  return encodeCanonical(status)
}

/** `unread`: fields that are not known here, of a device that is newer. */
export function readStatus(bytes: Uint8Array): { readonly report: StatusReport; readonly unread: readonly string[] } {
  const input = parseCanonical(bytes, statusBytesMax)
  const report = parseWith(statusSchema, input)
  return { report, unread: unreadFields(input, report) }
}

export function parseStatus(bytes: Uint8Array): StatusReport {
  return readStatus(bytes).report
}
