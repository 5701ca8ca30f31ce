// Policies to the table of one node. A change costs what it touches: identities, matches and cells are kept from one world to
// the next, and what comes out is the same as if nothing had been kept.

import type { Address, Cidr } from '../address/cidr.ts'
import { compareText } from '../bytes.ts'
import type { PolicySpec } from '../intent/policy.ts'
import { buildCell, type Frame, type Row } from './cell.ts'
import { type Direction, type Judgement, reasonKey } from './decision.ts'
import { classOf, type Identity, identify, type Mentions, mentionsOf, type Registry } from './identity.ts'
import { numbersFor } from './numbers.ts'
import { isSubject, matching, type PolicyRule, type PreparedPolicy, preparePolicy } from './rule-match.ts'
import { type Cell, cellKey, type Table } from './table.ts'
import type { Endpoint, World } from './world.ts'

type Policy = World['policies'][number]

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
}

interface Kept {
  readonly registry: Registry
  readonly prepared: ReadonlyMap<Policy, { readonly policy: PreparedPolicy; readonly mentions: Mentions }>
  readonly rules: number
  readonly services: string
  readonly ways: ReadonlyMap<string, Way>
}

export interface Compilation {
  readonly table: Table
  /** For the next compilation; see `compileTable`. */
  readonly kept: Kept
}

function nothing(services: string): Kept {
  return { registry: { byClass: new Map(), made: 0 }, prepared: new Map(), rules: 0, services, ways: new Map() }
}

const TIERS = ['Admin', 'Standard', 'Baseline'] as const satisfies readonly PolicySpec['tier'][]

function compareOrder(a: Policy, b: Policy): number {
  const tier = TIERS.indexOf(a.spec.tier) - TIERS.indexOf(b.spec.tier)
  const priority = a.spec.tier === 'Standard' ? 0 : a.spec.priority - b.spec.priority
  return tier || priority || compareText(a.name, b.name)
}

function speaksOf({ egress, ingress, policyTypes, tier }: PolicySpec, direction: Direction): boolean {
  const type = direction === 'ingress' ? 'Ingress' : 'Egress'
  if (policyTypes !== undefined && policyTypes.length > 0) return policyTypes.includes(type)
  const section = direction === 'ingress' ? ingress : egress
  return section !== undefined || (tier === 'Standard' && direction === 'ingress')
}

function prepareAll(policies: readonly Policy[], kept: Kept): Pick<Kept, 'prepared' | 'rules'> {
  let { rules } = kept
  const prepared = new Map<Policy, { readonly policy: PreparedPolicy; readonly mentions: Mentions }>()
  for (const policy of policies) {
    const held = kept.prepared.get(policy) ?? { policy: preparePolicy(policy, rules), mentions: mentionsOf(policy) }
    if (!kept.prepared.has(policy)) rules += (policy.spec.ingress?.length ?? 0) + (policy.spec.egress?.length ?? 0)
    prepared.set(policy, held)
  }
  return { prepared, rules }
}

interface Framed {
  readonly frame: Frame
  readonly policies: readonly PreparedPolicy[]
}

function frameOf(policies: readonly PreparedPolicy[], direction: Direction, world: World): Framed {
  const standard = policies.filter(({ spec }) => spec.tier === 'Standard').map(({ name }) => name)
  const open = direction === 'egress' || world.defaultPolicy === 'Allow'
  const frame: Frame = {
    isolated:
      standard.length === 0
        ? undefined
        : { verdict: 'drop', reason: { kind: 'isolated', direction, policies: standard } },
    fallback: { verdict: open ? 'accept' : 'drop', reason: { kind: 'default', direction } },
  }
  return { frame, policies }
}

function textOf({ fallback, isolated }: Frame): string {
  return `${isolated === undefined ? '' : reasonKey(isolated.reason)}|${fallback.verdict}`
}

function rowOf({ policies }: Framed, direction: Direction, identity: Identity, services: World['services']): Row {
  const row = { admin: [] as PolicyRule[], standard: [] as PolicyRule[], baseline: [] as PolicyRule[] }
  for (const policy of policies) {
    const { tier } = policy.spec
    const list = tier === 'Admin' ? row.admin : tier === 'Standard' ? row.standard : row.baseline
    list.push(...matching(policy, direction, identity, services))
  }
  return row
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
}

interface Setting {
  readonly enforced: Framed
  /** With policies in Audit mode among them; absent where there are none. */
  readonly audited: Framed | undefined
  readonly frameKey: string
}

function settingOf({ direction, local, policies, world }: WayInput): Setting {
  const enforcing = policies.filter(({ spec }) => spec.mode === 'Enforce')
  const enforced = frameOf(enforcing, direction, world)
  const audited = enforcing.length === policies.length ? undefined : frameOf(policies, direction, world)
  const texts = [enforced, audited].map((framed) => (framed === undefined ? '' : textOf(framed.frame)))
  return { enforced, audited, frameKey: [portsText(local), ...texts].join('|') }
}

/** Policies that only one of two lists has. */
function changedBetween(a: readonly PreparedPolicy[], b: readonly PreparedPolicy[]): readonly PreparedPolicy[] {
  const [inA, inB] = [new Set(a), new Set(b)]
  return [...a.filter((policy) => !inB.has(policy)), ...b.filter((policy) => !inA.has(policy))]
}

/** The cell for what matches an identity; those that the same rules match share it. */
function cellOf(input: WayInput, setting: Setting, identity: Identity, byRow: Map<string, Cell>): Cell {
  const { direction, local, world } = input
  const row = rowOf(setting.audited ?? setting.enforced, direction, identity, world.services)
  const rules = [...row.admin, ...row.standard, ...row.baseline]
  const destination = direction === 'ingress' ? local : identity.endpoint
  const named = rules.some((rule) => rule.named) ? (destination?.ports ?? []) : []
  const key = `${rules.map(({ id }) => id).join()}|${portsText({ ports: named })}`
  const held = byRow.get(key)
  if (held !== undefined) return held
  const enforcedRow = setting.audited === undefined ? row : rowOf(setting.enforced, direction, identity, world.services)
  const cell = buildCell(
    { row: enforcedRow, frame: setting.enforced.frame },
    setting.audited === undefined ? undefined : { row, frame: setting.audited.frame },
    named,
  )
  byRow.set(key, cell)
  return cell
}

function makeWay(input: WayInput, last: Way | undefined): Way {
  const { direction, identities, policies, world } = input
  const setting = settingOf(input)
  const { audited, enforced, frameKey } = setting
  // Cells of rules that are long gone would pile up without end.
  const isFit = last?.frameKey === frameKey && last.byRow.size <= 4 * identities.length
  const before = isFit ? last : undefined
  const byRow = before?.byRow ?? new Map<string, Cell>()
  const changed = before === undefined ? [] : changedBetween(before.policies, policies)
  const cells = new Map<Identity, Cell>()
  const moved = new Map<Cell, Map<string, Cell>>()
  for (const identity of identities) {
    const held = before?.cells.get(identity)
    const step = changed.flatMap((policy) => matching(policy, direction, identity, world.services))
    if (held !== undefined && step.length === 0) cells.set(identity, held)
    else if (held === undefined) cells.set(identity, cellOf(input, setting, identity, byRow))
    else {
      // Who shared a cell, and is matched alike by what came and went, shares the next one.
      const key = `${step.map(({ id }) => id).join()}|${portsText(identity.endpoint ?? NOBODY)}`
      const own = moved.get(held) ?? new Map<string, Cell>()
      const cell = own.get(key) ?? cellOf(input, setting, identity, byRow)
      cells.set(identity, cell)
      moved.set(held, own.set(key, cell))
    }
  }
  const frames = [enforced.frame, ...(audited === undefined ? [] : [audited.frame])]
  const judgements = [
    ...frames.flatMap(({ fallback, isolated }) => (isolated === undefined ? [fallback] : [fallback, isolated])),
    ...policies.flatMap(({ rules }) => rules[direction].flatMap(({ judgement }) => judgement ?? [])),
  ]
  return { frameKey, policies, cells, byRow, judgements }
}

const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly Direction[]

function makeWays(
  world: World,
  locals: ReadonlyMap<string, Endpoint>,
  identities: readonly Identity[],
  { prepared, ways: before }: Pick<Kept, 'prepared' | 'ways'>,
): ReadonlyMap<string, Way> {
  const ordered = world.policies.toSorted(compareOrder).flatMap((policy) => prepared.get(policy)?.policy ?? [])
  const ways = new Map<string, Way>()
  for (const [text, local] of locals) {
    const own = ordered.filter(({ spec }) => isSubject(spec, local))
    for (const direction of DIRECTIONS) {
      const key = `${direction} ${text}`
      const policies = own.filter(({ spec }) => speaksOf(spec, direction))
      ways.set(key, makeWay({ world, direction, local, policies, identities }, before.get(key)))
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
function isOvergrown({ made }: Registry, needed: number): boolean {
  return made > 4 * needed + 1_024
}

/**
 * The table of the node of that name. `before`: an earlier compilation for the same node, of whatever world; it is used up
 * by this one. Endpoints and policies that did not change have to be the same objects in both worlds to save anything.
 */
export function compileTable(world: World, node: string, before?: Compilation): Compilation {
  const services = JSON.stringify(world.services)
  const kept = before?.kept.services === services ? before.kept : nothing(services)
  const { prepared, rules } = prepareAll(world.policies, kept)
  const { byAddress, named, stranger } = identify(
    world,
    Array.from(prepared.values(), ({ mentions }) => mentions),
    kept.registry,
  )
  const identities = [...new Set([stranger, ...byAddress.values()])]
  if (isOvergrown(kept.registry, identities.length)) return compileTable(world, node)
  const locals = localsOf(world, node, named)
  const classes = new Map(
    [...locals].flatMap(([text, [first]]) => (first === undefined ? [] : [[text, first] as const])),
  )
  const ways = makeWays(world, classes, identities, { prepared, ways: kept.ways })
  const numbers = numbersFor([
    ...new Set([...identities.filter((one) => one !== stranger).map(({ key }) => key), ...locals.keys()]),
  ])
  const numberOf = (text: string): number => numbers.get(text) ?? 0
  const cells = new Map<string, Cell>()
  for (const text of locals.keys()) {
    for (const direction of DIRECTIONS) {
      const own = ways.get(`${direction} ${text}`)?.cells
      const common = own?.get(stranger)
      for (const [identity, cell] of own ?? []) {
        if (identity !== stranger && cell === common) continue
        cells.set(cellKey(numberOf(text), direction, identity === stranger ? 0 : numberOf(identity.key)), cell)
      }
    }
  }
  const table: Table = {
    addresses: new Map(Array.from(byAddress, ([block, { key }]): [Cidr, number] => [block, numberOf(key)])),
    locals: new Map(
      [...locals].flatMap(([text, own]) =>
        own.flatMap(({ addresses }) => addresses.map((address): [Address, number] => [address, numberOf(text)])),
      ),
    ),
    cells,
    cookies: cookiesOf(ways.values()),
  }
  return { table, kept: { registry: kept.registry, prepared, rules, services, ways } }
}
