// Which router to ask: the next hop of the preferred default route, where this host stands behind a NAT. Pure.
//
// Only the preferred one: answers leave by it, so a port of another router would be a way in without a way out.

import { contains, familyOf, hostCidr } from '../../shared/address/cidr.ts'
import { isPublic } from '../../shared/address/scope.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { DefaultRoute } from './doors.ts'
import type { Gateway } from './lease.ts'

export function gatewayOf(routes: readonly DefaultRoute[], local: readonly LocalAddress[]): Gateway | undefined {
  const [route] = [...routes].sort((a, b) => a.metric - b.metric)
  if (route === undefined) return undefined
  const on = local.filter((one) => {
    return one.interface === route.interface && one.physical && familyOf(one.address) === familyOf(route.gateway)
  })
  const own = on.find(({ cidr }) => contains(cidr, hostCidr(route.gateway))) ?? on[0]
  // Whoever bears a public address has no NAT in front of it.
  if (own === undefined || isPublic(own.address)) return undefined
  return { interface: route.interface, address: route.gateway, local: own.address }
}
