// The host's default routes, from where the kernel shows its main table: a read of a small file, so every turn can look.

import { readFileSync } from 'node:fs'
import type { Address } from '../../shared/address/cidr.ts'
import { formatIp } from '../../shared/address/ip.ts'
import type { DefaultRoute } from '../portmap/doors.ts'

const TABLE = '/proc/net/route'
/** RTF_UP and RTF_GATEWAY of <linux/route.h>. */
const UP_GATEWAY = 0x3

/** A number as the kernel prints the bytes of an address: in the order of the host, which is little-endian where we run. */
function addressOf(hex: string): Address {
  const bytes = [6, 4, 2, 0].map((at) => hex.slice(at, at + 2)).join('')
  return formatIp({ family: 4, value: BigInt(`0x${bytes}`) }) as Address
}

/** Columns: Iface, Destination, Gateway, Flags, RefCnt, Use, Metric, Mask and others. */
export function parseDefaultRoutes(table: string): readonly DefaultRoute[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line): readonly DefaultRoute[] => {
      const [name = '', destination, gateway = '', flags = '', , , metric, mask] = line.trim().split(/\s+/)
      if (destination !== '00000000' || mask !== '00000000' || !/^[0-9A-F]{8}$/.test(gateway)) return []
      if ((Number.parseInt(flags, 16) & UP_GATEWAY) !== UP_GATEWAY) return []
      return [{ interface: name, gateway: addressOf(gateway), metric: Number(metric) }]
    })
}

/** None where the host shows no such table. */
export function readDefaultRoutes(): readonly DefaultRoute[] {
  try {
    return parseDefaultRoutes(readFileSync(TABLE, 'utf8'))
  } catch {
    return []
  }
}
