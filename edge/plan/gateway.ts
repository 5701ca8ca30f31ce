// Whether a node takes connections for services from outside the mesh, and in which families. Pure.

import { familyOf } from '../../shared/address/cidr.ts'
import { selects } from '../../shared/intent/field.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'

/** Sorted; none where it publishes nothing. */
export function familiesPublished(
  services: ParsedRecords['services'],
  self: Pick<BodyOf<'node'>, 'labels'>,
): readonly (4 | 6)[] {
  const families = services.flatMap(({ addresses, spec: { publish = [] } }) =>
    publish.some(({ gateways }) => selects(gateways, self.labels)) ? addresses.map(familyOf) : [],
  )
  return [...new Set(families)].sort((a, b) => a - b)
}
