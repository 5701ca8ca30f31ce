// Route: a subnet that is reached through one or several nodes.

import * as v from 'valibot'
import { familyOf } from '../address/cidr.ts'
import { address, cidr, integer, selector } from './field.ts'
import { networkRef } from './network.ts'
import { about, rule } from './rule.ts'

export const routeSpec = v.pipe(
  v.strictObject({
    network: networkRef,
    destination: about(cidr, 'The subnet, as the machines in it know it.'),
    via: about(selector, 'The nodes that lead there; several make the route highly available.'),
    metric: about(v.optional(integer(0, 65_535), 100), 'Of several routes to one destination the lowest is preferred.'),
    nat: about(
      v.optional(v.picklist(['none', 'masquerade', 'netmap']), 'masquerade'),
      'What the router does to sources: nothing, its own address, or one for one (with mapTo).',
    ),
    mapTo: about(
      v.optional(cidr),
      'What the destination is called in the mesh, for subnets that overlap; same size as destination.',
    ),
    probe: about(v.optional(address), 'An address behind the router whose answer proves that it forwards.'),
  }),
  rule(
    (r) => (r.nat === 'netmap') === (r.mapTo !== undefined),
    'mapTo goes with nat: netmap, and only with it',
    "(self.nat == 'netmap') == has(self.mapTo)",
  ),
  rule(
    (r) =>
      r.mapTo === undefined ||
      (familyOf(r.mapTo) === familyOf(r.destination) && r.mapTo.split('/')[1] === r.destination.split('/')[1]),
    'mapTo is not of the same family and size as destination',
    '!has(self.mapTo) || cidr(self.mapTo).ip().family() == cidr(self.destination).ip().family() && cidr(self.mapTo).prefixLength() == cidr(self.destination).prefixLength()',
  ),
  rule(
    (r) => !r.destination.endsWith('/0'),
    'destination is a default route: that is an exit, not a subnet',
    'cidr(self.destination).prefixLength() > 0',
  ),
)
