// How a roll-out of another agent version goes on: who is told to have it by now. Pure: what was decided so far, what devices say
// and the time in; what is decided now, and how it stands, out. The order of devices makes no difference.
//
// Who was chosen stays chosen. The next wave opens once everybody in reach of those before runs the version and has soaked; too
// many who failed halt it, and then people decide.

import * as v from 'valibot'
import { compareText } from '../../shared/bytes.ts'
import { spread } from '../../shared/canary/goes-first.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { integer, type Labels, selects } from '../../shared/intent/field.ts'
import type { SpecOf } from '../../shared/intent/resource.ts'
import type { OrderState } from '../../shared/wire/report.ts'
import type { Failure, Standing } from './standing.ts'

/** A device as it is now, by its last report. */
export interface RollMember {
  readonly nodeId: NodeId
  readonly name: Name
  readonly labels: Labels
  readonly online: boolean
  /** Absent where it never said. */
  readonly version?: string
  /** Another version is on trial there. */
  readonly onTrial: boolean
  /** What became of the order that it holds; absent where its agent takes none. */
  readonly order?: { readonly serial: number; readonly state: OrderState; readonly detail?: string | undefined }
}

const time = integer(0, Number.MAX_SAFE_INTEGER)
const toldSchema = v.object({
  /** When it was first seen online since it was chosen. */
  since: v.optional(time),
  /** Since when it has been away after that. */
  lostAt: v.optional(time),
  /** It ran the version and had proven it. */
  done: v.optional(v.boolean()),
})
type Told = v.InferOutput<typeof toldSchema>

/** What is kept of a roll-out; times are milliseconds since the Unix epoch. */
export const rollState = v.object({
  version: v.string(),
  generation: time,
  /** Of the orders that go out. */
  serial: time,
  /** Index of the last wave that is open; -1 before the first. */
  wave: integer(-1, 1_000),
  nodes: v.record(v.string(), toldSchema),
  /** Since when everybody in reach runs it. */
  settledAt: v.optional(time),
  halted: v.optional(v.object({ at: time, why: v.string() })),
})
export type RollState = v.InferOutput<typeof rollState>

export interface DecideInput {
  readonly name: string
  readonly spec: SpecOf<'AgentUpdate'>
  /** Of the spec. */
  readonly generation: number
  readonly state: RollState | undefined
  /** Those of its network whom no younger update selects. */
  readonly members: readonly RollMember[]
  readonly now: number
  /** Why no wave may be opened now; undefined where one may. */
  readonly held?: string | undefined
}

/** A device that was told, and then went away for so long, counts as failed: a reboot and a bad link take minutes. */
export const lostMs = 15 * 60_000
/** … and one that came to no end in so long: 40 MB at 64 kbit/s take an hour and a half. */
export const stuckMs = 6 * 3_600_000

type Fate = { readonly fate: 'done' | 'open' | 'unreached' } | { readonly fate: 'failed'; readonly why: string }

function isDone({ onTrial, version }: RollMember, wanted: string): boolean {
  return version === wanted && !onTrial
}

function fateOf(one: Told, { order }: RollMember, { serial }: RollState, now: number): Fate {
  if (one.done === true) return { fate: 'done' }
  if (order?.serial === serial && order.state === 'refused')
    return { fate: 'failed', why: order.detail ?? 'it refuses the order' }
  if (one.since === undefined) return { fate: 'unreached' }
  if (one.lostAt !== undefined && now - one.lostAt >= lostMs)
    return { fate: 'failed', why: 'it fell silent after it was told, and did not come back' }
  if (now - one.since >= stuckMs)
    return { fate: 'failed', why: `it came to no end within ${stuckMs / 3_600_000} hours` }
  return { fate: 'open' }
}

/** What is newly known of a device that was chosen. */
function heardOf(one: Told, member: RollMember, version: string, now: number): Told {
  if (one.done === true) return one
  if (isDone(member, version)) return { done: true }
  if (member.online) return { since: one.since ?? now }
  return one.since === undefined ? one : { since: one.since, lostAt: one.lostAt ?? now }
}

/** Younger than whatever these devices have heard. */
function serialAbove(members: readonly RollMember[], least: number): number {
  return members.reduce((most, { order }) => Math.max(most, (order?.serial ?? 0) + 1), least)
}

function begun({ generation, members, now, spec, state }: DecideInput): RollState {
  if (state === undefined || state.version !== spec.version)
    return { version: spec.version, generation, serial: serialAbove(members, now), wave: -1, nodes: {} }
  if (state.generation === generation) return state
  const { halted: _, ...rest } = state
  return { ...rest, generation }
}

/** How many are chosen at the least once wave `upTo` is open, and who by their labels. */
function aimOf({ waves }: SpecOf<'AgentUpdate'>, upTo: number, eligible: readonly RollMember[]) {
  const open = waves.slice(0, upTo + 1)
  const totals = open.map(({ count = 0, percent = 0 }) =>
    Math.max(Math.min(count, eligible.length), Math.ceil((eligible.length * percent) / 100)),
  )
  const named = eligible.filter(({ labels }) =>
    open.some(({ matchLabels }) => matchLabels !== undefined && selects({ matchLabels }, labels)),
  )
  return { total: Math.max(0, ...totals), named }
}

/** Who is there first, then by chance, which is the same each time for one update and another for the next. */
function inTurn(name: string, list: readonly RollMember[], version: string): readonly RollMember[] {
  const rank = (member: RollMember): number => (isDone(member, version) ? 2 : member.online ? 0 : 1)
  return list
    .map((member) => ({ member, rank: rank(member), chance: spread(`${name} ${member.nodeId}`) }))
    .sort((a, b) => a.rank - b.rank || a.chance - b.chance || compareText(a.member.nodeId, b.member.nodeId))
    .map(({ member }) => member)
}

/** Ids of who is chosen once wave `upTo` is open; whoever was chosen before is among them. */
function choose(input: DecideInput, upTo: number, eligible: readonly RollMember[], before: ReadonlySet<string>) {
  const { total, named } = aimOf(input.spec, upTo, eligible)
  const chosen = new Set<string>(before)
  for (const { nodeId } of named) chosen.add(nodeId)
  for (const { nodeId } of inTurn(input.name, eligible, input.spec.version)) {
    if (chosen.size >= total) break
    chosen.add(nodeId)
  }
  return chosen
}

interface Judged {
  readonly fates: ReadonlyMap<string, Fate>
  readonly failed: readonly Failure[]
  readonly isSettled: boolean
  readonly isProven: boolean
}

function judge(state: RollState, eligible: readonly RollMember[], now: number): Judged {
  const chosen = eligible.filter(({ nodeId }) => Object.hasOwn(state.nodes, nodeId))
  const fates = new Map(
    chosen.map((one) => [one.nodeId as string, fateOf(state.nodes[one.nodeId] ?? {}, one, state, now)]),
  )
  const all = [...fates.values()]
  const failed = chosen.flatMap(({ name, nodeId }) => {
    const fate = fates.get(nodeId)
    return fate?.fate === 'failed' ? [{ name, why: fate.why }] : []
  })
  return {
    fates,
    failed: failed.sort((a, b) => compareText(a.name, b.name)),
    isSettled: all.every(({ fate }) => fate !== 'open'),
    isProven: all.some(({ fate }) => fate === 'done'),
  }
}

/** Why it must not go on; undefined where it may. */
function whyHalt({ failed, isProven, isSettled }: Judged, { maxFailed }: SpecOf<'AgentUpdate'>): string | undefined {
  const [first] = failed
  if (first === undefined) return undefined
  const told = `${first.name}: ${first.why}${failed.length === 1 ? '' : `, and ${failed.length - 1} more`}`
  if (failed.length > maxFailed) return `${failed.length} failed, and at most ${maxFailed} may. ${told}`
  return isSettled && !isProven ? `nobody has proven it. ${told}` : undefined
}

/** The next wave that brings somebody in, or the last. */
function waveAfter(input: DecideInput, state: RollState, eligible: readonly RollMember[]): number {
  const before = new Set(Object.keys(state.nodes))
  const last = input.spec.waves.length - 1
  for (let wave = state.wave + 1; wave < last; wave++)
    if (choose(input, wave, eligible, before).size > before.size) return wave
  return last
}

function goOn(input: DecideInput, state: RollState, judged: Judged, eligible: readonly RollMember[]): RollState {
  const { held, now, spec } = input
  const { settledAt: was, ...rest } = state
  const rests = state.wave >= 0 && judged.isSettled && judged.isProven
  // A clock that was set back begins anew.
  const settledAt = rests ? Math.min(was ?? now, now) : undefined
  const kept: RollState = { ...rest, ...(settledAt === undefined ? {} : { settledAt }) }
  if (spec.paused || held !== undefined || eligible.length === 0) return kept
  const soaked = settledAt !== undefined && now - settledAt >= spec.soakS * 1_000
  const opens = state.wave < 0 || (soaked && state.wave < spec.waves.length - 1)
  const wave = opens ? waveAfter(input, state, eligible) : Math.min(state.wave, spec.waves.length - 1)
  const chosen = choose(input, wave, eligible, new Set(Object.keys(state.nodes)))
  const online = new Map(eligible.map((one) => [one.nodeId as string, one]))
  const nodes = Object.fromEntries(
    [...chosen].sort(compareText).map((id): [string, Told] => {
      const member = online.get(id)
      const before = state.nodes[id]
      return [id, before ?? (member === undefined ? {} : heardOf({}, member, spec.version, now))]
    }),
  )
  const isNew = chosen.size > Object.keys(state.nodes).length
  const { settledAt: _, ...unsettled } = kept
  return { ...(isNew ? unsettled : kept), wave, nodes }
}

function standingOf(
  { held, spec }: DecideInput,
  state: RollState,
  judged: Judged,
  members: readonly RollMember[],
  unable: readonly RollMember[],
): Standing {
  const named = (fate: Fate['fate']): readonly Name[] =>
    members.flatMap(({ name, nodeId }) => (judged.fates.get(nodeId)?.fate === fate ? [name] : [])).sort(compareText)
  const done = named('done').length
  const chosen = judged.fates.size
  const isLast = state.wave >= spec.waves.length - 1
  const rolling = isLast && done === chosen && chosen > 0 ? 'complete' : chosen === 0 ? 'waiting' : 'rolling'
  return {
    phase: state.halted !== undefined ? 'halted' : spec.paused && rolling !== 'complete' ? 'paused' : rolling,
    selected: members.length + unable.length,
    chosen,
    done,
    failed: judged.failed,
    pending: named('open'),
    offline: named('unreached'),
    unable: unable.map(({ name }) => name).sort(compareText),
    wave: Math.min(state.wave + 1, spec.waves.length),
    waves: spec.waves.length,
    ...(state.halted === undefined ? {} : { haltedBy: state.halted.why }),
    ...(held === undefined || state.halted !== undefined ? {} : { heldBy: held }),
  }
}

export function decide(input: DecideInput): { readonly state: RollState; readonly standing: Standing } {
  const { members, now, spec } = input
  const selected = members.filter(({ labels }) => selects(spec.selector, labels))
  // Of one that has never reported nothing is known; who reports, and says nothing of orders, can't follow one.
  const isAble = ({ order, version }: RollMember): boolean => order !== undefined || version === undefined
  const eligible = selected.filter((one) => isAble(one) || isDone(one, spec.version))
  const unable = selected.filter((one) => !eligible.includes(one))
  const byId = new Map(eligible.map((one) => [one.nodeId as string, one]))
  const start = begun(input)
  const nodes = Object.fromEntries(
    Object.entries(start.nodes).flatMap(([id, one]): [string, Told][] => {
      const member = byId.get(id)
      return member === undefined ? [] : [[id, heardOf(one, member, spec.version, now)]]
    }),
  )
  const waiting = eligible.filter(({ nodeId }) => nodes[nodeId] !== undefined && nodes[nodeId].done !== true)
  const stopped = start.halted !== undefined || spec.paused
  const heard = waiting.some(({ order }) => (order?.serial ?? 0) > start.serial)
  const serial = heard && !stopped ? serialAbove(waiting, start.serial) : start.serial
  const known: RollState = { ...start, nodes, serial }
  const judged = judge(known, eligible, now)
  const why = known.halted === undefined ? whyHalt(judged, spec) : undefined
  const state: RollState =
    why !== undefined
      ? { ...known, halted: { at: now, why } }
      : known.halted === undefined
        ? goOn(input, known, judged, eligible)
        : known
  return { state, standing: standingOf(input, state, judge(state, eligible, now), eligible, unable) }
}
