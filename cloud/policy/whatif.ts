// What other policies would have done to the flows that devices brought to the hub: each record replayed from where it was kept,
// and what both ends of a flow have on record told once.

import { compareText } from '../../shared/bytes.ts'
import { whatifBatchesMax, whatifChangesMax } from '../../shared/dashboard-limits.ts'
import type { FlowBatch } from '../../shared/flows/batch.ts'
import { createFolder, type Dealings } from '../../shared/flows/dealings.ts'
import { type Change, type Count, replay } from '../../shared/flows/replay.ts'
import type { Endpoint, World } from '../../shared/policy/world.ts'

/** Batches of one node, the newest first. */
export interface NodeRecord {
  readonly node: string
  readonly batches: Iterable<{ readonly seq: number; readonly batch: FlowBatch }>
}

export interface FleetChange extends Change {
  /** Who has it on record. */
  readonly nodes: readonly string[]
}

export interface FleetReplay {
  readonly changes: readonly FleetChange[]
  /** Changes beyond those that are listed. */
  readonly more: number
  readonly unchanged: Count
  readonly unknownPorts: Count
  readonly beyondPolicy: Count
  /** What was looked at. */
  readonly nodes: number
  readonly batches: number
  /** Older batches were left out: there are more than are looked at in one go. */
  readonly cut: boolean
  /** Milliseconds since the Unix epoch: of the first and the last batch; 0 where there is none. */
  readonly fromMs: number
  readonly toMs: number
}

export interface FoldedNode {
  readonly self: Endpoint
  readonly dealings: Dealings
}

export interface Folded {
  readonly nodes: readonly FoldedNode[]
  readonly cut: boolean
}

/** A fair share of what may be looked at for each node. */
export function foldRecords(records: readonly NodeRecord[], world: World): Folded {
  const selves = new Map(world.endpoints.filter(({ kind }) => kind === 'node').map((one) => [one.name, one]))
  const known = records.filter(({ node }) => selves.has(node))
  const share = Math.max(1, Math.floor(whatifBatchesMax / Math.max(1, known.length)))
  let cut = false
  const nodes = known.flatMap(({ batches, node }): readonly FoldedNode[] => {
    const self = selves.get(node)
    if (self === undefined) return []
    const folder = createFolder()
    let read = 0
    for (const { batch, seq } of batches) {
      if (++read > share) {
        cut = true
        break
      }
      folder.add(seq, batch)
    }
    return [{ self, dealings: folder.done() }]
  })
  return { nodes, cut }
}

function sum(a: Count, b: Count): Count {
  return { flows: a.flows + b.flows, packets: a.packets + b.packets, bytes: a.bytes + b.bytes }
}

const NOTHING: Count = { flows: 0, packets: 0, bytes: 0 }

function keyOf({ already, destination, kind, port, protocol, source }: Change): string {
  const end = (one: Change['source']): string => one.name ?? one.addresses.join(' ')
  return [kind, already, end(source), end(destination), protocol, port ?? ''].join('\0')
}

/** Both ends tell of it: what the one says that counted more is the whole. */
function joined(group: readonly (readonly [string, Change])[]): FleetChange {
  const [first, ...rest] = group.map(([, change]) => change).sort((a, b) => b.flows - a.flows)
  const most = rest.reduce((a, b) => (b.flows > a.flows ? b : a), first as Change)
  return { ...most, nodes: [...new Set(group.map(([node]) => node))].sort(compareText) }
}

function order(a: Change, b: Change): number {
  if (a.already !== b.already) return a.already ? 1 : -1
  if (a.kind !== b.kind) return a.kind === 'lost' ? -1 : 1
  return b.answered - a.answered || b.flows - a.flows
}

export function replayFleet({ cut, nodes }: Folded, today: World, would: World): FleetReplay {
  const found: (readonly [string, Change])[] = []
  let [unchanged, unknownPorts, beyondPolicy] = [NOTHING, NOTHING, NOTHING]
  for (const { dealings, self } of nodes) {
    const rules = { today: { here: today, there: today }, would: { here: would, there: would } }
    const one = replay({ dealings: dealings.all, self, ...rules })
    unchanged = sum(unchanged, one.unchanged)
    unknownPorts = sum(unknownPorts, one.unknownPorts)
    beyondPolicy = sum(beyondPolicy, one.beyondPolicy)
    for (const change of one.changes) found.push([self.name, change])
  }
  const changes = [...Map.groupBy(found, ([, change]) => keyOf(change)).values()].map(joined).sort(order)
  const told = nodes.map(({ dealings }) => dealings).filter(({ batches }) => batches > 0)
  return {
    changes: changes.slice(0, whatifChangesMax),
    more: Math.max(0, changes.length - whatifChangesMax),
    unchanged,
    unknownPorts,
    beyondPolicy,
    nodes: told.length,
    batches: told.reduce((total, { batches }) => total + batches, 0),
    cut,
    fromMs: told.length === 0 ? 0 : Math.min(...told.map(({ fromMs }) => fromMs)),
    toMs: told.length === 0 ? 0 : Math.max(...told.map(({ toMs }) => toMs)),
  }
}
