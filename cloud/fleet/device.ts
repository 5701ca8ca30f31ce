// One enrolled device as the hub remembers it.

import type { Fact } from '../../shared/fact/fact.ts'
import type { Condition } from '../../shared/health.ts'
import type { Name } from '../../shared/ids.ts'
import { healthMax } from '../../shared/limits.ts'
import { type ToldOverride, viewOverride } from '../../shared/override/report.ts'
import { formatVersion, noVersion, type Version } from '../../shared/record/head.ts'
import type { StatusReport } from '../../shared/wire/report.ts'
import type { NodeChannel } from '../../shared/wire/topics.ts'
import type { FleetNode, HeardOf, NodeState, TakenBack } from '../hub.ts'
import type { Enrolment, LastWord } from '../store/hub-store.ts'
import type { Member } from './progress.ts'
import { createTrace, type Trace } from './trace.ts'

/** A word of the device that was not accepted; gone once it says something acceptable of the same sort. */
export interface Refusal {
  readonly since: number
  readonly channel: NodeChannel
  readonly why: string
}

/** Fields of a message that are not known here. */
interface Unread {
  readonly since: number
  readonly fields: string
}

export interface Device {
  enrolment: Enrolment
  online: boolean
  /** False from the loss of the hub's own link until the broker has said again that the device is there. */
  confirmed: boolean
  session: string | undefined
  /** While its Node is disabled: nothing it says is heard. */
  suspended: boolean
  since: number
  lastSeen: number | undefined
  report: StatusReport | undefined
  /** How it was of late. */
  readonly trace: Trace
  fact: Fact | undefined
  /** What others report of it. */
  heardOf: HeardOf | undefined
  /** Policy overrides that it told of, those that ended included. */
  overrides: readonly ToldOverride[]
  refusal: Refusal | undefined
  /** What it says beyond the language of this hub, by the sort of message. */
  unread: ReadonlyMap<'status' | 'fact', Unread>
  /** Monotonic time at which a refusal was last written down; outlives it, so that good words between bad ones open no flood. */
  toldAt: number | undefined
  /** The same of a revision that the device took back. */
  takenBackToldAt: number | undefined
  /** Bytes as received, to be kept across a restart. */
  word: LastWord
}

/** Why a device that holds more than was ever signed is not believed. */
export function fromTheFuture(held: Version, newest: Version): string {
  return (
    `it holds revision ${formatVersion(held)}, this hub has signed up to ${formatVersion(newest)}: was the hub’s data ` +
    'brought back from an older copy? `holdfast-hub restore --from-node` with what this device exports starts a newer epoch.'
  )
}

/** The revision that the device refuses to run, as it says itself. */
export function takenBackOf(name: Name, report: StatusReport | undefined): TakenBack | undefined {
  const quarantine = report?.revision.quarantine
  return quarantine === undefined ? undefined : { name, ...quarantine }
}

const nothingReported = { applied: noVersion, held: noVersion, lastGood: noVersion }

export function memberOf({ enrolment: { name, nodeId }, online, report }: Device): Member {
  const { applied, held, lastGood } = report?.revision ?? nothingReported
  return { name, nodeId, online, held, applied, lastGood, takenBack: takenBackOf(name, report), report }
}

export function newDevice(enrolment: Enrolment): Device {
  return {
    enrolment,
    online: false,
    confirmed: true,
    session: undefined,
    suspended: false,
    since: enrolment.at,
    lastSeen: undefined,
    report: undefined,
    trace: createTrace(),
    fact: undefined,
    heardOf: undefined,
    overrides: [],
    refusal: undefined,
    unread: new Map(),
    toldAt: undefined,
    takenBackToldAt: undefined,
    word: { nodeId: enrolment.nodeId, lastSeen: 0 },
  }
}

export function stateOf({ enrolment, lastSeen, online, suspended }: Device): NodeState {
  if (enrolment.state === 'pending') return 'pending'
  if (suspended) return 'disabled'
  if (lastSeen === undefined) return 'never-seen'
  return online ? 'online' : 'offline'
}

/** Remembers what was not understood of a message; true where that is news. */
export function noteUnread(
  device: Device,
  channel: 'status' | 'fact',
  unread: readonly string[],
  now: number,
): boolean {
  const before = device.unread.get(channel)
  const fields = unread.join(', ')
  if (fields === (before?.fields ?? '')) return false
  const next = new Map(device.unread)
  if (fields === '') next.delete(channel)
  else next.set(channel, { since: before?.since ?? now, fields })
  device.unread = next
  return fields !== ''
}

function healthOf({ refusal, report, unread }: Device): readonly Condition[] {
  const reported = report?.health ?? []
  const own: Condition[] = []
  if (refusal !== undefined) {
    const { channel, since, why } = refusal
    own.push({ code: 'report-rejected', since, detail: `${channel}: ${why}` })
  }
  if (unread.size > 0) {
    const since = Math.min(...[...unread.values()].map((one) => one.since))
    const detail = [...unread].map(([channel, { fields }]) => `${channel}: ${fields}`).join('; ')
    own.push({ code: 'report-unread', since, detail: detail.slice(0, 500) })
  }
  return own.length === 0 ? reported : [...reported.slice(0, healthMax - own.length), ...own]
}

export function showDevice(device: Device, addresses: readonly string[]): FleetNode {
  const { enrolment, fact, lastSeen, report, since } = device
  const { deviceKey, name, network, nodeId, wgKey } = enrolment
  const overrides = device.overrides.filter(({ end }) => end === undefined).map(viewOverride)
  const heardOf = device.online ? undefined : device.heardOf
  return {
    nodeId,
    name,
    network,
    wgKey,
    deviceKey,
    addresses,
    state: stateOf(device),
    since,
    ...(lastSeen === undefined ? {} : { lastSeen }),
    ...(report === undefined ? {} : { report }),
    ...(fact === undefined ? {} : { fact }),
    ...(overrides.length === 0 ? {} : { overrides }),
    health: healthOf(device),
    ...(heardOf === undefined ? {} : { heardOf }),
  }
}
