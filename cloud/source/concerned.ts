// Which of all intent a change could contradict. Checking only these gives the verdict of checking everything, as long
// as what is held is consistent, and keeps the price of one change independent of the size of the fleet.

import { type Cidr, overlaps } from '../../shared/address/cidr.ts'
import { type AnyResource, memberKinds, type Resource } from '../../shared/intent/resource.ts'
import type { Stored } from '../hub.ts'

/** What is held, by kind and name. */
export interface Held {
  get(kind: AnyResource['kind'], name: string): Stored | undefined
  of(kind: AnyResource['kind']): Iterable<Stored>
  /** Names of the nodes that ask for this address. */
  claimants(address: string): Iterable<string>
}

function routeBlock(route: Resource<'Route'>): Cidr {
  return route.spec.mapTo ?? route.spec.destination
}

function rivalsOf(route: Resource<'Route'>, held: Held): AnyResource[] {
  return [...held.of('Route')]
    .map((stored) => stored.resource as Resource<'Route'>)
    .filter((other) => other.spec.network === route.spec.network && overlaps(routeBlock(other), routeBlock(route)))
}

/** Held resources that `changed` must fit to; those that are replaced are left out. Changed ones come last, to be blamed. */
export function concerned(changed: readonly AnyResource[], removed: readonly AnyResource[], held: Held): AnyResource[] {
  const gone = new Set([...changed, ...removed].map(({ kind, metadata }) => `${kind}/${metadata.name}`))
  const near = new Map<string, AnyResource>()
  const add = (resource: AnyResource | undefined): void => {
    if (resource === undefined) return
    const key = `${resource.kind}/${resource.metadata.name}`
    if (!gone.has(key)) near.set(key, resource)
  }
  for (const stored of held.of('Network')) add(stored.resource)
  for (const resource of [...changed, ...removed]) {
    if (resource.kind === 'Network') {
      // Another block moves the ground under all members; it is rare, and worth looking at every one.
      for (const kind of memberKinds) {
        for (const stored of held.of(kind)) {
          if ((stored.resource.spec as { network: string }).network === resource.metadata.name) add(stored.resource)
        }
      }
    } else if (resource.kind === 'Node') {
      for (const address of resource.spec.addresses ?? []) {
        for (const name of held.claimants(address)) add(held.get('Node', name)?.resource)
      }
    } else if (resource.kind === 'Route') for (const rival of rivalsOf(resource, held)) add(rival)
  }
  return [...near.values(), ...changed]
}
