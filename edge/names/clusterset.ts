// Names of services that clusters export, as the DNS specification of the multi-cluster services API has them (KEP-1645,
// specification.md), version 1.0.0.

import { mainAddresses } from '../../shared/address/mesh-blocks.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { NameBook } from './name-book.ts'
import { type Answering, podsBelow } from './pod-names.ts'

export const clustersetZone = 'clusterset.local'

/** A service of one name and namespace is one service, whichever clusters export it. */
export function clustersetNames(book: NameBook, services: ParsedRecords['services'], answering: Answering): void {
  book.text(`dns-version.${clustersetZone}`, '1.0.0')
  for (const { addresses, name, spec } of services) {
    if (spec.export === undefined) continue
    const { cluster, namespace, service } = spec.export
    const whole = `${service}.${namespace}.svc.${clustersetZone}`
    if (spec.headless === true) {
      // Two clusters may well have a pod of the same name.
      book.pods(whole, spec.ports, podsBelow(`${cluster}.${whole}`, service, answering.get(name)))
      continue
    }
    book.host(whole, mainAddresses(addresses))
    book.ports(whole, spec.ports)
  }
}
