// Names that addresses have now: a device that met a stranger has an address on record, and the hub may know it since.

import type { HubGlance } from '../fleet/glance.ts'

/** Undefined for the address of nobody. */
export type NamesNow = (network: string, address: string) => string | undefined

/** Looked up once for all that is asked of it, when the first is. */
export function namesNow(intended: HubGlance<unknown>['intended']): NamesNow {
  let names: Map<string, string> | undefined
  const read = (): Map<string, string> => {
    const all = [...intended('Service'), ...intended('Node')]
    return new Map(
      all.flatMap(({ addresses, resource }) => {
        const { metadata, spec } = resource
        const network = 'network' in spec ? spec.network : undefined
        return addresses.map((address) => [`${network} ${address}`, metadata.name] as const)
      }),
    )
  }
  return (network, address) => {
    names ??= read()
    return names.get(`${network} ${address}`)
  }
}
