// The own routes: those through the own interface that carry our protocol number. Everybody else's are left alone.

import { type Cidr, compareCidr, familyOf, parseCidr } from '../../shared/address/cidr.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { ObservedRoute } from '../plan/observed.ts'
import type { Run } from './command.ts'

/** Marks a route as ours (rtnetlink(7): numbers above 4 belong to user space; 72 is nobody's in rt_protos). */
const PROTOCOL = '72'

interface IpRoute {
  readonly dst?: string
  readonly metric?: number
}

function destinationOf(text: string, family: 4 | 6): Cidr | undefined {
  if (text === 'default') return undefined
  return parseCidr(text.includes('/') ? text : `${text}/${family === 4 ? 32 : 128}`)
}

async function readFamily(name: string, family: 4 | 6, run: Run): Promise<readonly ObservedRoute[]> {
  try {
    const text = await run('ip', [`-${family}`, '-j', 'route', 'show', 'dev', name, 'protocol', PROTOCOL])
    const rows = JSON.parse(text.trim() === '' ? '[]' : text) as readonly IpRoute[]
    return rows.flatMap((row) => {
      const destination = destinationOf(row.dst ?? '', family)
      return destination === undefined ? [] : [{ destination, metric: row.metric ?? 0 }]
    })
  } catch (error) {
    // No such device, or no IPv6: no routes.
    if (isHoldfastError(error, 'failed')) return []
    throw error
  }
}

export async function readRoutes(
  name: string,
  families: readonly (4 | 6)[],
  run: Run,
): Promise<readonly ObservedRoute[]> {
  const all = await Promise.all(families.map((family) => readFamily(name, family, run)))
  return all.flat().sort((a, b) => compareCidr(a.destination, b.destination) || a.metric - b.metric)
}

export async function changeRoute(
  verb: 'replace' | 'del',
  name: string,
  route: ObservedRoute,
  run: Run,
): Promise<void> {
  const { destination, metric } = route
  await run('ip', [
    `-${familyOf(destination)}`,
    'route',
    verb,
    destination,
    'dev',
    name,
    'metric',
    String(metric),
    'protocol',
    PROTOCOL,
  ])
}
