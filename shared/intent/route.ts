// Route: a subnet that is reached through one or several nodes.

import * as v from 'valibot'
import { familyOf } from '../address/cidr.ts'
import { address, cidr, integer, selector } from './field.ts'
import { networkRef } from './network.ts'

export const routeSpec = v.pipe(
  v.strictObject({
    network: networkRef,
    destination: cidr,
    /** The routers; several make the route highly available. */
    via: selector,
    /** Lower is preferred. */
    metric: v.optional(integer(0, 65_535), 100),
    nat: v.optional(v.picklist(['none', 'masquerade', 'netmap']), 'masquerade'),
    /** What the destination is called in the mesh, for subnets that overlap; same size as `destination`. */
    mapTo: v.optional(cidr),
    /** An address behind the router that proves it forwards. */
    probe: v.optional(address),
  }),
  v.check((r) => (r.nat === 'netmap') === (r.mapTo !== undefined), 'mapTo goes with nat: netmap, and only with it'),
  v.check(
    (r) =>
      r.mapTo === undefined ||
      (familyOf(r.mapTo) === familyOf(r.destination) && r.mapTo.split('/')[1] === r.destination.split('/')[1]),
    'mapTo is not of the same family and size as destination',
  ),
  v.check((r) => !r.destination.endsWith('/0'), 'destination is a default route: that is an exit, not a subnet'),
)
