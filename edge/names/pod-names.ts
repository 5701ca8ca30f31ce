// What pods are called below the name of a service that has no address: as they call themselves, where that service is the one
// that they name; else by their address. Pure.

import type { Name } from '../../shared/ids.ts'
import type { Backend } from '../services/backend.ts'
import type { NamedPod } from './name-book.ts'

/** Who a name is answered with, by the name of the service. */
export type Answering = ReadonlyMap<Name, readonly Backend[]>

/** `above`: the name that theirs are below. `service`: as pods name it in their `subdomain`. */
export function podsBelow(above: string, service: string, backends: readonly Backend[] = []): readonly NamedPod[] {
  return backends.map(({ addresses, host, ports }) => {
    const label = host?.subdomain === service ? host.name : (addresses[0] ?? '').replaceAll(/[.:]/g, '-')
    return { whole: `${label}.${above}`, addresses, ports }
  })
}
