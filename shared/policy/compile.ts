// Policies to the table of one node. A change costs what it touches: identities, matches and cells are kept from one world to
// the next, and what comes out is the same as if nothing had been kept.

import type { Address, Cidr } from '../address/cidr.ts'
import type { PolicySpec } from '../intent/policy.ts'
import { buildCell, type Frame, type Row } from './cell.ts'
import { type Direction, type Judgement, reasonKey } from './decision.ts'
import { classOf, emptyRegistry, type Identity, identify, type Registry } from './identity.ts'
import { numbersFor } from './numbers.ts'
import { emptyBook, isWornOut, nextBook, type RuleBook } from './rule-book.ts'
import {
  fillSets,
  indexRules,
  matching,
  type PolicyRule,
  type PreparedPolicy,
  type RuleIndex,
  rulesAbout,
} from './rule-match.ts'
import { isSubject, speaksOf } from './subject.ts'
import { type Cell, cellKey, type Table } from './table.ts'
import type { Endpoint, World } from './world.ts'

/** How one class of local endpoints is judged in one direction. */
interface Way {
  /** Says all that decides about a cell besides the rules that match. */
  readonly frameKey: string
  /** Policies that speak of it, in the order in which they are asked. */
  readonly policies: readonly PreparedPolicy[]
  readonly cells: ReadonlyMap<Identity, Cell>
  /** Cells by the rules that made them. */
  readonly byRow: Map<string, Cell>
  readonly judgements: readonly Judgement[]
  readonly index: RuleIndex
}

interface Kept {
  readonly registry: Registry
  readonly book: RuleBook
  readonly services: string
  readonly ways: ReadonlyMap<string, Way>
}

export interface Compilation {
  readonly table: Table
  /** For the next compilation; see `compileTable`. */
  readonly kept: Kept
}

function nothing(services: string): Kept {
  return { registry: emptyRegistry(), book: emptyBook(), services, ways: new Map() }
}

function frameOf(policies: readonly PreparedPolicy[], direction: Direction, world: World): Frame {
  const standard = policies.filter(({ spec }) => spec.tier === 'Standard').map(({ name }) => name)
  const open = direction === 'egress' || world.defaultPolicy === 'Allow'
  return {
    isolated:
      standard.length === 0
        ? undefined
        : { verdict: 'drop', reason: { kind: 'isolated', direction, policies: standard } },
    fallback: { verdict: open ? 'accept' : 'drop', reason: { kind: 'default', direction } },
  }
}

function textOf({ fallback, isolated }: Frame): string {
  return `${isolated === undefined ? '' : reasonKey(isolated.reason)}|${fallback.verdict}`
}

function rowOf(rules: readonly PolicyRule[]): Row {
  const ofTier = (tier: PolicySpec['tier']): readonly PolicyRule[] => rules.filter((rule) => rule.tier === tier)
  return { admin: ofTier('Admin'), standard: ofTier('Standard'), baseline: ofTier('Baseline') }
}

function portsText({ ports }: Pick<Endpoint, 'ports'>): string {
  return ports.map(({ name, port, protocol }) => `${name}=${protocol}/${port}`).join()
}

const NOBODY = { ports: [] }

interface WayInput {
  readonly world: World
  readonly direction: Direction
  readonly local: Endpoint
  readonly policies: readonly PreparedPolicy[]
  readonly identities: readonly Identity[]
  readonly within: Registry['within']
}

interface Setting {
  readonly enforced: Frame
  /** With policies in Audit mode among them; absent where there are none. */
  readonly audited: Frame | undefined
  readonly frameKey: string
}

function settingOf({ direction, local, policies, world }: WayInput): Setting {
  const enforcing = policies.filter(({ spec }) => spec.mode === 'Enforce')
  const enforced = frameOf(enforcing, direction, world)
  const audited = enforcing.length === policies.length ? undefined : frameOf(policies, direction, world)
  const texts = [enforced, audited].map((frame) => (frame === undefined ? '' : textOf(frame)))
  return { enforced, audited, frameKey: [portsText(local), ...texts].join('|') }
}

/** Policies that only one of two lists has. */
function changedBetween(a: readonly PreparedPolicy[], b: readonly PreparedPolicy[]): readonly PreparedPolicy[] {
  const [inA, inB] = [new Set(a), new Set(b)]
  return [...a.filter((policy) => !inB.has(policy)), ...b.filter((policy) => !inA.has(policy))]
}

/** The cell for the rules about an identity; those about whom the same rules are share it. */
function cellOf(
  { direction, local }: WayInput,
  { audited, enforced }: Setting,
  rules: readonly PolicyRule[],
  { byRow, identity }: { readonly byRow: Map<string, Cell>; readonly identity: Identity },
): Cell {
  const destination = direction === 'ingress' ? local : identity.endpoint
  const named = rules.some((rule) => rule.named) ? (destination?.ports ?? []) : []
  const key = `${rules.map(({ id }) => id).join()}|${portsText({ ports: named })}`
  const held = byRow.get(key)
  if (held !== undefined) return held
  const enforcing = audited === undefined ? rules : rules.filter(({ audit }) => !audit)
  const cell = buildCell(
    { row: rowOf(enforcing), frame: enforced },
    audited === undefined ? undefined : { row: rowOf(rules), frame: audited },
    named,
  )
  byRow.set(key, cell)
  return cell
}

function makeWay(input: WayInput, last: Way | undefined): Way {
  const { direction, identities, policies, within } = input
  const setting = settingOf(input)
  const { audited, enforced, frameKey } = setting
  // Cells of rules that are long gone would pile up without end.
  const isFit = last?.frameKey === frameKey && last.byRow.size <= 4 * identities.length
  const before = isFit ? last : undefined
  const byRow = before?.byRow ?? new Map<string, Cell>()
  const changed = before === undefined ? [] : changedBetween(before.policies, policies)
  const index = before !== undefined && changed.length === 0 ? before.index : indexRules(policies, direction)
  const made = (identity: Identity): Cell =>
    cellOf(input, setting, rulesAbout(index, within.get(identity) ?? []), { byRow, identity })
  const cells = new Map<Identity, Cell>()
  const moved = new Map<Cell, Map<string, Cell>>()
  for (const identity of identities) {
    const held = before?.cells.get(identity)
    if (held !== undefined && changed.length === 0) {
      cells.set(identity, held)
      continue
    }
    const step = changed.flatMap((policy) => matching(policy, direction, identity))
    if (held !== undefined && step.length === 0) cells.set(identity, held)
    else if (held === undefined) cells.set(identity, made(identity))
    else {
      // Who shared a cell, and is matched alike by what came and went, shares the next one.
      const key = `${step.map(({ id }) => id).join()}|${portsText(identity.endpoint ?? NOBODY)}`
      const own = moved.get(held) ?? new Map<string, Cell>()
      const cell = own.get(key) ?? made(identity)
      cells.set(identity, cell)
      moved.set(held, own.set(key, cell))
    }
  }
  const judgements =
    before !== undefined && changed.length === 0
      ? before.judgements
      : judgementsOf(policies, direction, [enforced, audited])
  return { frameKey, policies, cells, byRow, judgements, index }
}

function judgementsOf(
  policies: readonly PreparedPolicy[],
  direction: Direction,
  frames: readonly (Frame | undefined)[],
): readonly Judgement[] {
  const ofFrames = frames.flatMap((frame) => (frame === undefined ? [] : [frame.fallback, frame.isolated]))
  return [
    ...ofFrames.filter((judgement) => judgement !== undefined),
    ...policies.flatMap(({ rules }) => rules[direction].flatMap(({ judgement }) => judgement ?? [])),
  ]
}

const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly Direction[]

function makeWays(
  world: World,
  locals: ReadonlyMap<string, Endpoint>,
  identities: readonly Identity[],
  { book, registry, ways: before }: Pick<Kept, 'book' | 'registry' | 'ways'>,
): ReadonlyMap<string, Way> {
  const ways = new Map<string, Way>()
  for (const [text, local] of locals) {
    const own = book.ordered.filter(({ spec }) => isSubject(spec.subject, local))
    for (const direction of DIRECTIONS) {
      const key = `${direction} ${text}`
      const policies = own.filter(({ spec }) => speaksOf(spec, direction))
      ways.set(
        key,
        makeWay({ world, direction, local, policies, identities, within: registry.within }, before.get(key)),
      )
    }
  }
  return ways
}

/** Local endpoints by class: those of one class are judged alike. */
function localsOf(world: World, node: string, named: ReadonlySet<string>): ReadonlyMap<string, readonly Endpoint[]> {
  const own = world.endpoints.filter((endpoint) => endpoint.kind !== 'service' && endpoint.node === node)
  return Map.groupBy(own, (endpoint) => classOf(endpoint, named))
}

function cookiesOf(ways: Iterable<Way>): Table['cookies'] {
  const texts = new Set<string>()
  for (const { judgements } of ways) for (const { reason } of judgements) texts.add(reasonKey(reason))
  return numbersFor([...texts])
}

/** Whether identities of worlds long gone outnumber those that are needed. */
function isOvergrown({ all }: Registry, needed: number): boolean {
  return all.length > 4 * needed + 1_024
}

/** The same ways as before speak with the same judgements. */
function sameJudgements(before: ReadonlyMap<string, Way>, after: ReadonlyMap<string, Way>): boolean {
  return before.size === after.size && [...after].every(([key, way]) => before.get(key)?.judgements === way.judgements)
}

/** What is to have a number, each once. */
function textsOf(identities: readonly Identity[], stranger: Identity, locals: Iterable<string>): readonly string[] {
  const texts = new Set<string>()
  for (const identity of identities) if (identity !== stranger) texts.add(identity.key)
  for (const local of locals) texts.add(local)
  return [...texts]
}

/**
 * The table of the node of that name. `before`: an earlier compilation of whatever world and node; it is used up by this
 * one. Endpoints, policies and their list have to be the same objects in both worlds, where they did not change, to save
 * anything.
 */
export function compileTable(world: World, node: string, before?: Compilation): Compilation {
  const services = JSON.stringify(world.services)
  const kept = before?.kept.services === services ? before.kept : nothing(services)
  const book = nextBook(kept.book, world.policies)
  const { byAddress, stranger } = identify(world, book.scene, kept.registry)
  const identities = [...new Set([stranger, ...byAddress.values()])]
  if (isOvergrown(kept.registry, identities.length) || isWornOut(book)) return compileTable(world, node)
  fillSets(book.sets, kept.registry, world.services)
  const locals = localsOf(world, node, book.scene.named)
  const classes = new Map(
    [...locals].flatMap(([text, [first]]) => (first === undefined ? [] : [[text, first] as const])),
  )
  const ways = makeWays(world, classes, identities, { ...kept, book })
  const numbers = numbersFor(textsOf(identities, stranger, locals.keys()))
  const numberOf = (text: string): number => numbers.get(text) ?? 0
  const cells = new Map<string, Cell>()
  for (const text of locals.keys()) {
    for (const direction of DIRECTIONS) {
      const own = ways.get(`${direction} ${text}`)?.cells
      const common = own?.get(stranger)
      own?.forEach((cell, identity) => {
        if (identity !== stranger && cell === common) return
        cells.set(cellKey(numberOf(text), direction, identity === stranger ? 0 : numberOf(identity.key)), cell)
      })
    }
  }
  const addresses = new Map<Cidr, number>()
  byAddress.forEach(({ key }, block) => addresses.set(block, numberOf(key)))
  const table: Table = {
    addresses,
    locals: new Map(
      [...locals].flatMap(([text, own]) =>
        own.flatMap((endpoint) => endpoint.addresses.map((address): [Address, number] => [address, numberOf(text)])),
      ),
    ),
    cells,
    cookies: before?.kept === kept && sameJudgements(kept.ways, ways) ? before.table.cookies : cookiesOf(ways.values()),
  }
  return { table, kept: { registry: kept.registry, book, services, ways } }
}
