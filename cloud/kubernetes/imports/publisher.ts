// Brings ServiceImports to a cluster: one look at what is wanted and what is there, and the writes between them. No write that is
// refused keeps another from being tried, and nobody who writes there as well makes it a race.

import type { Clock, Log } from '../../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../../shared/errors.ts'
import type { Resource } from '../../../shared/intent/resource.ts'
import { encodeCanonicalText } from '../../../shared/record/canonical.ts'
import type { Hub } from '../../hub.ts'
import type { Cluster } from '../cluster.ts'
import { clusterImportsMax } from '../cluster-limits.ts'
import { type InputObject, inputName } from '../input.ts'
import { inTurns, isStale } from '../writes.ts'
import { type AddressedService, type ImportWrite, planImports, wantedImports } from './plan.ts'

export interface ImportPublisherOptions {
  /** All services of the network, whoever exports them. */
  readonly fleet: Pick<Hub, 'list'>
  readonly network: string
  readonly cluster: Pick<Cluster, 'inputs' | 'putImport'>
  readonly clock: Clock
  readonly log: Log
}

export interface ImportPublisher {
  /** Resolves to the milliseconds after which to look again; 0 where nothing is waited for. */
  tell(goesOn: () => boolean): Promise<number>
}

/** Between two of the same writes: until then it may not have been heard of, or somebody sets it back each time. */
const SAME_PAUSE_MS = 10_000
/** After the cluster refused one, by its rights or its definition: people mend that. */
const REFUSED_MS = 5 * 60_000

interface Tried {
  readonly text: string
  readonly dueAt: number
  readonly isRefused: boolean
}

function addressedOf(fleet: Pick<Hub, 'list'>): readonly AddressedService[] {
  return fleet.list('Service').map(({ resource, status }) => {
    const addresses: unknown = status['addresses']
    return {
      resource: resource as unknown as Resource<'Service'>,
      addresses: Array.isArray(addresses) ? addresses.map(String) : [],
    }
  })
}

function keyOf(write: ImportWrite): string {
  return `${write.verb} ${inputName(write)}`
}

/** What it says, whichever object it is to. */
function textOf(write: ImportWrite): string {
  return encodeCanonicalText({ ...write, uid: '' })
}

/** One of many, and how many more. */
function firstOf(names: readonly string[]): { readonly import: string | undefined; readonly others: number } {
  return { import: names[0], others: Math.max(0, names.length - 1) }
}

export function createImportPublisher({
  clock,
  cluster,
  fleet,
  log,
  network,
}: ImportPublisherOptions): ImportPublisher {
  /** By what is written; only of what was tried lately. */
  let tried = new Map<string, Tried>()
  /** Uids of those that were told of; of those that are there only. */
  let told: ReadonlySet<string> = new Set()
  let saidLeft = 0

  const tellForeign = (foreign: readonly InputObject[]): void => {
    const fresh = foreign.filter(({ uid }) => !told.has(uid))
    told = new Set(foreign.map(({ uid }) => uid))
    if (fresh.length === 0) return
    log.warn('a ServiceImport of somebody else stands where the hub’s would be, and is left as it is', {
      ...firstOf(fresh.map(inputName)),
    })
  }

  const tellLeft = (left: number): void => {
    if (left > 0 && saidLeft === 0)
      log.warn('more services are exported than a cluster is given ServiceImports for', {
        max: clusterImportsMax,
        left,
      })
    saidLeft = left
  }

  /** Resolves to why it was refused, where that is for people to mend. */
  const put = async (write: ImportWrite): Promise<string | undefined> => {
    const remember = (isRefused: boolean): void => {
      const dueAt = clock.monotonic() + (isRefused ? REFUSED_MS : SAME_PAUSE_MS)
      tried.set(keyOf(write), { text: textOf(write), dueAt, isRefused })
    }
    remember(false)
    try {
      await cluster.putImport(write)
      return undefined
    } catch (error) {
      // An API server that is away, or has enough to do, is away for all of them.
      if (!(error instanceof HoldfastError) || isHoldfastError(error, 'unreachable')) throw error
      if (isHoldfastError(error, 'rate-limited')) throw error
      if (isStale(error)) return undefined
      remember(true)
      return describeError(error)
    }
  }

  return {
    async tell(goesOn) {
      const wanted = wantedImports(addressedOf(fleet), network)
      const { foreign, left, writes } = planImports(wanted, cluster.inputs(), clusterImportsMax)
      tellForeign(foreign)
      tellLeft(left)
      const now = clock.monotonic()
      const before = tried
      const open = new Set(writes.map(keyOf))
      // What was refused is known for as long as it is wanted, so that it is told once.
      tried = new Map([...before].filter(([key, one]) => one.dueAt > now || (one.isRefused && open.has(key))))
      const [ready, later] = [[] as ImportWrite[], [] as number[]]
      for (const write of writes) {
        const last = tried.get(keyOf(write))
        if (last?.text === textOf(write) && last.dueAt > now) later.push(last.dueAt - now)
        else ready.push(write)
      }
      const refused: { readonly write: ImportWrite; readonly why: string }[] = []
      await inTurns(ready, goesOn, async (write) => {
        const why = await put(write)
        if (why !== undefined) refused.push({ write, why })
      })
      const fresh = refused.filter(({ write }) => before.get(keyOf(write))?.isRefused !== true)
      const names = fresh.map(({ write }) => inputName(write))
      if (fresh.length > 0) log.warn('the cluster refuses a ServiceImport', { ...firstOf(names), why: fresh[0]?.why })
      if (refused.length > 0) later.push(REFUSED_MS)
      return later.length === 0 ? 0 : Math.min(...later)
    },
  }
}
