// What people ask of the flows of all devices, page by page. A flow between two devices stands on record at both ends, each as
// that end saw and judged it: both are shown, and who says so.

import { HoldfastError } from '../../shared/errors.ts'
import { flowBatchesReadMax } from '../../shared/flow-limits.ts'
import type { FlowEnd, FlowLoss } from '../../shared/flows/batch.ts'
import { concerns, type ShownFlow, type ShownLoss, shownOf } from '../../shared/flows/query.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { FlowStore, LedgerState, StoredBatch } from './flow-store.ts'
import type { NamesNow } from './names-now.ts'

export interface FleetFlowQuery {
  /** Milliseconds since the Unix epoch, by the clocks of devices. */
  readonly sinceMs: number
  /** Only what came in behind that number. */
  readonly afterId: number
  readonly denied: boolean
  /** Whose record: the name of a node, also of one that is gone. */
  readonly node?: string | undefined
  /** Name of a node, pod or service, or an address; at either end. */
  readonly peer?: string | undefined
  readonly limit: number
  /** Where the page before ended: its `next`. */
  readonly before?: FlowPlace | undefined
}

export interface FlowPlace {
  /** End of a batch, milliseconds since the Unix epoch, and the number it came in under. */
  readonly at: number
  readonly id: number
}

interface Reported {
  /** Who has it on record, and says so. */
  readonly node: string
  readonly network: string
}

export interface FleetFlow extends ShownFlow, Reported {
  /** Name that the address has now, where the device knew none then: that it was a stranger may be why it was denied. */
  readonly sourceNow?: string
  readonly destinationNow?: string
}

/** `first` to `last`: batches that the device let go of before the hub had them. */
export type FleetLoss = Reported &
  (ShownLoss | { readonly why: 'never-came'; readonly to: number; readonly first: number; readonly last: number })

/** How the record of a device stands at the hub. */
export interface LedgerView extends Reported {
  /** Batches that are here, by the number of the last, and those that the device signed there are. */
  readonly count: number
  readonly told: number
  /** When it was last heard, milliseconds since the Unix epoch. */
  readonly at: number
  /** A health code, where no more is taken. */
  readonly fault?: string
}

export interface FleetFlows {
  /** The oldest first. */
  readonly items: readonly FleetFlow[]
  readonly lostBefore: readonly FleetLoss[]
  readonly ledgers: readonly LedgerView[]
  /** Number of the batch that came in last; 0 where there is none. */
  readonly newest: number
  /** Where older ones begin; absent where this is all. */
  readonly next?: FlowPlace
}

interface Flat extends FlowLoss {
  readonly seq: number
  readonly from: number
  readonly to: number
}

function lossesOf({ batch, seq }: StoredBatch): readonly Flat[] {
  return batch.lostBefore.map((loss) => ({ seq, from: batch.from, to: batch.to, ...loss }))
}

function nodesNamed(states: readonly LedgerState[], name: string | undefined): readonly NodeId[] | undefined {
  if (name === undefined) return undefined
  const found = states.filter((state) => state.name === name || state.node === name).map(({ node }) => node)
  if (found.length > 0) return found
  throw new HoldfastError('not-found', `no flows of a node "${name.slice(0, 70)}" are here`, {
    remedy: 'It brings them once it is connected: `holdfast-hub get nodes`.',
  })
}

function named(flow: ShownFlow & Reported, nameOf: NamesNow): FleetFlow {
  const { destination, network, source } = flow
  const now = ({ address, name }: FlowEnd): string | undefined =>
    name === undefined ? nameOf(network, address) : undefined
  const [sourceNow, destinationNow] = [now(source), now(destination)]
  return {
    ...flow,
    ...(sourceNow === undefined ? {} : { sourceNow }),
    ...(destinationNow === undefined ? {} : { destinationNow }),
  }
}

function isBetween(flow: FleetFlow, peer: string | undefined): boolean {
  return peer === undefined || flow.sourceNow === peer || flow.destinationNow === peer || concerns(flow, peer)
}

/** `nameOf`: names that addresses have now. */
export function queryFleetFlows(
  store: FlowStore,
  states: readonly LedgerState[],
  query: FleetFlowQuery,
  nameOf: NamesNow = () => undefined,
): FleetFlows {
  const { afterId, before, denied, limit, peer, sinceMs } = query
  const wanted = nodesNamed(states, query.node)
  const reporters = new Map(states.map(({ name, network, node }) => [node, { node: name, network }]))
  const reporterOf = (node: NodeId): Reported => reporters.get(node) ?? { node, network: '' }
  const isWanted = (node: NodeId): boolean => wanted === undefined || wanted.includes(node)
  const newest = store.newestId()
  const items: FleetFlow[][] = []
  const lostBefore: FleetLoss[] = []
  let next: FlowPlace | undefined
  let [left, read] = [limit, 0]
  const one = wanted?.length === 1 ? wanted[0] : undefined
  for (const entry of store.newest({ afterId, sinceMs, before, node: one, denied })) {
    read += 1
    if (isWanted(entry.node)) {
      const reporter = reporterOf(entry.node)
      const shown = shownOf(entry, { denied, peer: undefined })
        .map((flow) => named({ ...flow, ...reporter }, nameOf))
        .filter((flow) => isBetween(flow, peer))
      // A batch is shown whole, so that a page ends between two of them; only the first may be cut.
      if (shown.length > left && items.length > 0) break
      items.push(shown.slice(-left))
      lostBefore.unshift(...lossesOf(entry).map((loss) => ({ ...loss, ...reporter })))
      left -= shown.length
    }
    next = { at: entry.batch.to, id: entry.id }
    if (left <= 0 || read >= flowBatchesReadMax) break
    next = undefined
  }
  if (afterId === 0 && before === undefined) {
    for (const { at, first, last, node } of store.missing(sinceMs)) {
      if (isWanted(node)) lostBefore.push({ ...reporterOf(node), why: 'never-came', to: at, first, last })
    }
  }
  return {
    items: items.toReversed().flat(),
    lostBefore,
    ledgers: states.filter(({ node }) => isWanted(node)).map(viewOf),
    newest,
    ...(next === undefined ? {} : { next }),
  }
}

function viewOf({ at, count, fault, name, network, told }: LedgerState): LedgerView {
  return { node: name, network, count, told, at, ...(fault === undefined ? {} : { fault: fault.code }) }
}
