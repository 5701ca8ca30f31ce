// Whether this host forwards packets: two kernel settings, switched on where a route needs them and never off, because
// others may rely on them.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { HoldfastError } from '../../shared/errors.ts'

const SETTING = { 4: '/proc/sys/net/ipv4/ip_forward', 6: '/proc/sys/net/ipv6/conf/all/forwarding' } as const

const CONF6 = '/proc/sys/net/ipv6/conf'

export function hasIpv6(): boolean {
  const off = '/proc/sys/net/ipv6/conf/all/disable_ipv6'
  return existsSync(off) && readFileSync(off, 'utf8').trim() === '0'
}

export function readForwarding(): readonly (4 | 6)[] {
  return ([4, 6] as const).filter(
    (family) => existsSync(SETTING[family]) && readFileSync(SETTING[family], 'utf8').trim() === '1',
  )
}

/** A forwarding host ignores router advertisements unless told 2 (ip-sysctl.rst), and would lose its IPv6 uplink. */
function keepRouterAdvertisements(): void {
  for (const name of readdirSync(CONF6)) {
    const path = `${CONF6}/${name}/accept_ra`
    if (existsSync(path) && readFileSync(path, 'utf8').trim() === '1') writeFileSync(path, '2')
  }
}

export function switchForwardingOn(family: 4 | 6): void {
  try {
    if (family === 6 && existsSync(CONF6)) keepRouterAdvertisements()
    writeFileSync(SETTING[family], '1')
  } catch (cause) {
    throw new HoldfastError('failed', `cannot switch IPv${family} forwarding on: ${(cause as Error).message}`, {
      remedy: `Set ${SETTING[family].slice('/proc/sys/'.length).replaceAll('/', '.')} = 1 in /etc/sysctl.d.`,
      cause,
    })
  }
}
