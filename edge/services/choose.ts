// Who of a service's backends gets the next flow: of those that serve the nearest ones, and all of these alike. Pure.

import type { NodeId } from '../../shared/ids.ts'
import { serviceSpreadMax } from '../../shared/service-limits.ts'
import type { PathKind } from '../../shared/wire/report.ts'
import type { Backend } from './backend.ts'
import type { Verdict } from './verdict.ts'

/** How far away a node is. */
export interface Way {
  readonly path: PathKind
  readonly rttMs?: number | undefined
  /** Nothing comes back from it on any path. */
  readonly gone: boolean
}

export type Standing =
  /** Gets new flows. */
  | 'serves'
  /** Would, if those that are nearer did not. */
  | 'stands-by'
  | 'drains'
  | 'fails'
  /** Nothing comes back from it: flows that it has are told to begin anew, elsewhere. */
  | 'lost'

export interface Known {
  readonly verdict: (backend: Backend) => Verdict
  readonly way: (node: NodeId) => Way
  /** It was among those that serve, so far. */
  readonly served: (backend: Backend) => boolean
}

/** Of paths that nobody has measured it is supposed that they are direct. */
const RANKS: Readonly<Record<PathKind, number>> = { lan: 1, direct: 2, none: 2, relay: 3, tls: 3 }

/** Those as near as the nearest, within what two measurements differ by; who is in stays in until it is clearly farther. */
const ENTER = { factor: 1.2, plusMs: 10 }
const STAY = { factor: 1.5, plusMs: 20 }

interface Candidate {
  readonly backend: Backend
  readonly rank: number
  readonly rttMs: number | undefined
}

function candidateOf(backend: Backend, { verdict, way }: Known): Candidate {
  if (backend.here) return { backend, rank: 0, rttMs: 0 }
  const { path, rttMs } = way(backend.node)
  return { backend, rank: RANKS[path], rttMs: verdict(backend).rttMs ?? rttMs }
}

/** The nearest. One whose distance nobody knows yet may be. */
function nearest(candidates: readonly Candidate[], { served }: Known): ReadonlySet<Backend> {
  const rank = Math.min(...candidates.map((one) => one.rank))
  const near = candidates.filter((one) => one.rank === rank)
  const best = Math.min(...near.map(({ rttMs }) => rttMs ?? Number.POSITIVE_INFINITY))
  const isNear = ({ backend, rttMs }: Candidate): boolean => {
    if (rttMs === undefined) return true
    const { factor, plusMs } = served(backend) ? STAY : ENTER
    return rttMs <= best * factor + plusMs
  }
  return new Set(
    near
      .filter(isNear)
      .slice(0, serviceSpreadMax)
      .map(({ backend }) => backend),
  )
}

function illness(backend: Backend, { verdict, way }: Known): 'fails' | 'lost' | undefined {
  if (!backend.here && way(backend.node).gone) return 'lost'
  // It keeps the flows that it has, as with a wrong answer.
  if (backend.ready === false) return 'fails'
  const { health } = verdict(backend)
  return health === 'fails' ? 'fails' : health === 'silent' ? 'lost' : undefined
}

/** Of a service that has no address: who asks for its name is told of all that could serve, however far away. */
export function chooseAll(backends: readonly Backend[], known: Known): ReadonlyMap<Backend, Standing> {
  const standing = [...choose(backends, known)]
  return new Map(standing.map(([backend, now]) => [backend, now === 'stands-by' ? 'serves' : now]))
}

/** Each backend with what becomes of it. Where all that serve are leaving, they serve until they are gone. */
export function choose(backends: readonly Backend[], known: Known): ReadonlyMap<Backend, Standing> {
  const standing = new Map<Backend, Standing>()
  for (const backend of backends) {
    const ill = illness(backend, known)
    if (ill !== undefined) standing.set(backend, ill)
  }
  const well = backends.filter((backend) => !standing.has(backend))
  const staying = well.filter(({ drains }) => !drains)
  const able = staying.length === 0 ? well : staying
  for (const backend of well) standing.set(backend, backend.drains ? 'drains' : 'stands-by')
  if (able.length === 0) return standing
  for (const backend of nearest(
    able.map((one) => candidateOf(one, known)),
    known,
  )) {
    standing.set(backend, 'serves')
  }
  return standing
}
