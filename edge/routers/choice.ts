// Which of several routers to a block is used, from what this device sees of them. Pure. A router that answers by no way is
// not used while another may, nor one that does not forward while another does, nor one that is about to leave; then the better
// kind of path counts, then the round trip, then the metric that people gave.
// What is in use stays while it is nearly as good: each change of router breaks what a router translates.
//
// Where routers leave sources as they are, whoever answers chooses a router by himself, and that one has to be the one in use, or
// nothing of it is let in. So there all devices prefer the same one, whatever their ways to it are like: the lowest metric, then
// the first by name.

import type { NodeId } from '../../shared/ids.ts'
import type { Router } from '../plan/routes.ts'

/** What is known of the way to a router. */
export interface RouterSight {
  /** `gone`: it did not answer when somebody waited, and nothing came of it since. `held`: it is back for too short a time. */
  readonly standing: 'there' | 'held' | 'gone'
  /** Undefined while nobody talks with it: that says nothing against it. */
  readonly path?: 'lan' | 'direct' | 'relay' | 'tls' | undefined
  /** Of the path in use. */
  readonly rttMs?: number | undefined
  /** What came of asking a machine behind it; absent where that was not asked, or can't be. */
  readonly proof?: 'proven' | 'failing' | undefined
  /** It says that it is about to leave. */
  readonly leaves?: boolean
}

const ORDER = ['lan', 'direct', 'relay', 'tls'] as const
/** Round trips within this of the shortest are as good, as among paths to one peer; of the router in use, twice this. */
const NEAR = { ratio: 0.2, ms: 10 }

function rankOf({ path }: RouterSight): number {
  return path === undefined ? -1 : ORDER.indexOf(path)
}

function isNear(rttMs: number | undefined, leastMs: number, times: number): boolean {
  return rttMs === undefined || rttMs <= leastMs * (1 + NEAR.ratio * times) + NEAR.ms * times
}

/**
 * The lower the better; of those that are alike the ways decide. Who leaves still forwards, and is better than who does not;
 * where nobody proves anything it is as if nobody had been asked.
 */
function tierOf({ leaves = false, proof, standing }: RouterSight): number {
  const held = standing === 'held' ? 1 : 0
  if (proof === 'failing') return 8 + 2 * Number(leaves) + held
  return (leaves ? 4 : 0) + (proof === 'proven' ? 0 : 2) + held
}

/** `routers`: in order of preference where all else is equal. Undefined only where there is none. */
export function chooseRouter(
  routers: readonly Router[],
  sightOf: (router: Router) => RouterSight,
  inUse?: NodeId,
  isPlain = false,
): Router | undefined {
  const seen = routers
    .map((router) => ({ router, sight: sightOf(router) }))
    .filter(({ sight }) => sight.standing !== 'gone')
  // Where none answers, to change from one to the other would only keep them from answering.
  if (seen.length === 0) return routers.find(({ node }) => node === inUse) ?? routers[0]
  const tier = Math.min(...seen.map(({ sight }) => tierOf(sight)))
  const there = seen.filter(({ sight }) => tierOf(sight) === tier)
  if (isPlain) return there[0]?.router
  const ranks = there.map(({ sight }) => rankOf(sight)).filter((rank) => rank >= 0)
  const best = Math.min(...ranks)
  const alike = there.filter(({ sight }) => rankOf(sight) === best || rankOf(sight) < 0)
  const leastMs = Math.min(...alike.map(({ sight }) => sight.rttMs ?? Number.POSITIVE_INFINITY))
  const near = alike.filter(({ router, sight }) => isNear(sight.rttMs, leastMs, router.node === inUse ? 2 : 1))
  const least = Math.min(...near.map(({ router }) => router.metric))
  const chosen = near.filter(({ router }) => router.metric === least).map(({ router }) => router)
  return chosen.find(({ node }) => node === inUse) ?? chosen[0]
}
