// The host's default routes, from where the kernel shows them: a read of small files, so every turn can look.

import { readFileSync } from 'node:fs'
import type { Address } from '../../shared/address/cidr.ts'
import { formatIp } from '../../shared/address/ip.ts'
import type { DefaultRoute } from '../portmap/doors.ts'
import { steeringMetric } from '../uplinks/steering.ts'
import type { UplinkRoute } from '../uplinks/uplink.ts'

const TABLE4 = '/proc/net/route'
const TABLE6 = '/proc/net/ipv6_route'
/** Of <linux/route.h>. */
const [UP, GATEWAY, REJECT] = [0x1, 0x2, 0x200]

/** A number as the kernel prints the bytes of an address: in the order of the host, which is little-endian where we run. */
function addressOf(hex: string): Address {
  const bytes = [6, 4, 2, 0].map((at) => hex.slice(at, at + 2)).join('')
  return formatIp({ family: 4, value: BigInt(`0x${bytes}`) }) as Address
}

/** Columns: Iface, Destination, Gateway, Flags, RefCnt, Use, Metric, Mask and others. The main table alone. */
export function parseRoutes4(table: string): readonly UplinkRoute[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line): readonly UplinkRoute[] => {
      const [name = '', destination, gateway = '', flags = '', , , metric, mask] = line.trim().split(/\s+/)
      if (destination !== '00000000' || mask !== '00000000' || !/^[0-9A-F]{8}$/.test(gateway)) return []
      const bits = Number.parseInt(flags, 16)
      if ((bits & UP) === 0 || (bits & REJECT) !== 0) return []
      const by = (bits & GATEWAY) === 0 ? {} : { gateway: addressOf(gateway) }
      return [{ family: 4, interface: name, ...by, metric: Number(metric) }]
    })
}

/** Columns: destination, its length, source, its length, next hop, metric, count, use, flags, interface; of all tables. */
export function parseRoutes6(table: string): readonly UplinkRoute[] {
  return table.split('\n').flatMap((line): readonly UplinkRoute[] => {
    const [destination, length, , from, hop = '', metric = '', , , flags = '', name = ''] = line.trim().split(/\s+/)
    if (length !== '00' || from !== '00' || !/^0{32}$/.test(destination ?? '') || !/^[0-9a-f]{32}$/.test(hop)) return []
    const bits = Number.parseInt(flags, 16)
    const cost = Number.parseInt(metric, 16)
    // In tables of our own.
    if ((bits & UP) === 0 || (bits & REJECT) !== 0 || cost === steeringMetric) return []
    const by = (bits & GATEWAY) === 0 ? {} : { gateway: formatIp({ family: 6, value: BigInt(`0x${hop}`) }) as Address }
    return [{ family: 6, interface: name, ...by, metric: cost }]
  })
}

/** Nothing where the host shows no such table. */
function tableOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

export function readUplinkRoutes(): readonly UplinkRoute[] {
  return [...parseRoutes4(tableOf(TABLE4)), ...parseRoutes6(tableOf(TABLE6))]
}

/** Those with a router that can be asked for a port. */
export function readDefaultRoutes(): readonly DefaultRoute[] {
  return parseRoutes4(tableOf(TABLE4)).flatMap(({ gateway, interface: name, metric }) => {
    return gateway === undefined ? [] : [{ interface: name, gateway, metric }]
  })
}
