// Where the requests of a rule are taken: at each listener that its route is attached to, by those hosts and matches that no
// older route has, nor an earlier rule of the same one. Pure.

import { type HttpMatch, matchText } from '../../../shared/intent/http-match.ts'
import { type Attached, type Claims, placesOf } from './attach.ts'
import { type GatewayPlan, share } from './gateways.ts'

/** Of `publish` at the hub, a list each. */
const LISTED_MAX = 16

interface Held {
  readonly gateway: GatewayPlan
  readonly key: string
}

/** What one route has so far. */
export interface Taking {
  readonly claims: Claims
  readonly own: Held[]
}

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / LISTED_MAX) }, (_, at) =>
    items.slice(at * LISTED_MAX, (at + 1) * LISTED_MAX),
  )
}

function isFree({ claims, own }: Taking, gateway: GatewayPlan, key: string): boolean {
  return (
    !claims.isHeld(gateway, key) &&
    !own.some((one) => one.key === key && (one.gateway === gateway || share(one.gateway, gateway)))
  )
}

function isEvery([first, ...others]: readonly HttpMatch[]): boolean {
  return others.length === 0 && first !== undefined && matchText(first) === '/'
}

/** Empty where all of it is somebody else’s. `more`: of each place. */
export function httpPlaces(
  attached: readonly Attached[],
  matches: readonly HttpMatch[],
  taking: Taking,
  more: object,
): readonly object[] {
  return placesOf(attached).flatMap(({ attached: group, gateway, port, taken }) => {
    const names = [...new Set(group.flatMap(({ hostnames = [] }) => hostnames))]
    // Matches with the same hosts are said at once; every host is said by none.
    const byNames = new Map<string, { readonly names: readonly string[]; readonly paths: HttpMatch[] }>()
    for (const match of matches) {
      const keyOf = (name: string): string => `http ${port} ${name} ${matchText(match)}`
      const free = names.filter((name) => isFree(taking, gateway, keyOf(name)))
      taking.own.push(...free.map((name) => ({ gateway, key: keyOf(name) })))
      for (const some of [free.filter((name) => name === '*'), free.filter((name) => name !== '*')]) {
        if (some.length === 0) continue
        const held = byNames.get(some.join()) ?? { names: some, paths: [] }
        byNames.set(some.join(), held)
        held.paths.push(match)
      }
    }
    const place = { ...taken, protocol: 'HTTP', port, ...more }
    return [...byNames.values()].flatMap((one) =>
      chunks(one.names).flatMap((hosts) =>
        chunks(one.paths).map((some) => ({
          ...place,
          ...(hosts[0] === '*' ? {} : { hostnames: hosts }),
          ...(isEvery(some) ? {} : { paths: some }),
        })),
      ),
    )
  })
}
