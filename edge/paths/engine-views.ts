// What the engine shows of its pairs, and of this node as it looks from outside; and before there are pairs, where
// WireGuard may wait for them.

import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Pair } from './engine-pair.ts'
import type { PathEngine } from './path-engine.ts'
import type { Rest } from './rest.ts'
import type { Ways } from './ways.ts'

/** `own`: addresses of this host. */
export function createEngineViews(
  clock: Clock,
  pairs: ReadonlyMap<NodeId, Pair>,
  ways: Ways,
  rest: Pick<Rest, 'start' | 'expect'>,
  own: () => ReadonlySet<string>,
): Pick<
  PathEngine,
  | 'prepare'
  | 'expect'
  | 'view'
  | 'way'
  | 'isAwake'
  | 'isSilent'
  | 'isWarm'
  | 'mapping'
  | 'relaySights'
  | 'stunPlaces'
  | 'outsideHosts'
  | 'viaOf'
> {
  return {
    prepare: () => rest.start(),
    expect: (entries) =>
      new Map(
        entries.flatMap((entry) => {
          const at = rest.expect(entry)
          return at === undefined ? [] : [[entry.member.nodeId, at] as const]
        }),
      ),
    view: (node) => pairs.get(node)?.paths.view(clock.monotonic()),
    way: (node) => pairs.get(node)?.paths.way(),
    isSilent: (node) => pairs.get(node)?.paths.isSilent(clock.monotonic()) === true,
    isWarm: (node) => pairs.get(node)?.paths.isWarm(clock.monotonic()) === true,
    isAwake: (node) => pairs.get(node)?.paths.isAwake(clock.monotonic()) === true,
    mapping: () => ways.outside(own()),
    relaySights: () => ways.relaySights(),
    stunPlaces: () => ways.relays.stunPlaces(),
    outsideHosts: () => ways.outsideHosts(),
    viaOf: (endpoint) => ways.candidates.viaOf(endpoint),
  }
}
