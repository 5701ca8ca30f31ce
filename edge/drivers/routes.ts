// The own routes: those through the own interface that carry our protocol number. Everybody else's are left alone.

import { type Cidr, compareCidr, familyOf, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { ObservedRoute } from '../plan/observed.ts'
import type { Run } from './command.ts'

/** Marks a route as ours (rtnetlink(7): numbers above 4 belong to user space; 72 is nobody's in rt_protos). */
const PROTOCOL = '72'

interface IpRoute {
  readonly dst?: string
  readonly table?: string
  readonly metric?: number
  readonly prefsrc?: string
  readonly metrics?: readonly { readonly mtu?: number | string }[]
}

function destinationOf(text: string): Cidr | undefined {
  if (text === 'default') return undefined
  return parseCidr(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`)
}

/** A locked MTU is printed as text, and is not ours. */
function mtuOf({ metrics = [] }: IpRoute): Pick<ObservedRoute, 'mtu'> {
  const mtu = metrics.find((one) => one.mtu !== undefined)?.mtu
  return mtu === undefined ? {} : { mtu: Number(mtu) }
}

function sourceOf({ prefsrc }: IpRoute): Pick<ObservedRoute, 'source'> {
  return prefsrc === undefined ? {} : { source: parseAddress(prefsrc) }
}

/** What `ip -d -batch` is told. Of all tables, because only then does it list both families at once. */
export function routesCommand(name: string): string {
  return `route show table all dev ${name} protocol ${PROTOCOL}`
}

/** The answer to it. */
export function parseRoutes(text: string): readonly ObservedRoute[] {
  const rows = JSON.parse(text.trim() === '' ? '[]' : text) as readonly IpRoute[]
  return rows
    .flatMap((row) => {
      const destination = (row.table ?? 'main') === 'main' ? destinationOf(row.dst ?? '') : undefined
      return destination === undefined
        ? []
        : [{ destination, metric: row.metric ?? 0, ...mtuOf(row), ...sourceOf(row) }]
    })
    .sort((a, b) => compareCidr(a.destination, b.destination) || a.metric - b.metric)
}

function change(verb: 'add' | 'replace' | 'del', name: string, route: ObservedRoute, run: Run): Promise<string> {
  const { destination, metric, mtu, source } = route
  const target = [destination, 'dev', name, 'metric', String(metric), 'protocol', PROTOCOL]
  if (mtu !== undefined) target.push('mtu', String(mtu))
  if (source !== undefined && verb !== 'del') target.push('src', source)
  return run('ip', [`-${familyOf(destination)}`, 'route', verb, ...target])
}

/** The interface that holds the same destination and metric, if it is another one. */
async function foreignHolder(
  name: string,
  { destination, metric }: ObservedRoute,
  run: Run,
): Promise<string | undefined> {
  const text = await run('ip', [`-${familyOf(destination)}`, '-j', 'route', 'show', destination])
  const rows = JSON.parse(text.trim() === '' ? '[]' : text) as readonly (IpRoute & { readonly dev?: string })[]
  return rows.find((row) => (row.metric ?? 0) === metric && row.dev !== name)?.dev
}

/** Takes over a route that somebody made through our interface, and never one through another interface. */
export async function addRoute(name: string, route: ObservedRoute, run: Run): Promise<void> {
  try {
    await change('add', name, route, run)
  } catch (error) {
    if (!(isHoldfastError(error, 'failed') && error.message.includes('File exists'))) throw error
    const holder = await foreignHolder(name, route, run)
    if (holder !== undefined) {
      throw new HoldfastError('conflict', `${route.destination} with metric ${route.metric} goes through ${holder}`, {
        remedy: 'Remove that route, or give the Route another metric.',
        cause: error,
      })
    }
    await change('replace', name, route, run)
  }
}

/** Another MTU for a route of ours, which the kernel changes in one step. */
export async function changeRoute(name: string, route: ObservedRoute, run: Run): Promise<void> {
  await change('replace', name, route, run)
}

/** A route that is gone already is no failure. */
export async function removeRoute(name: string, route: ObservedRoute, run: Run): Promise<void> {
  try {
    await change('del', name, route, run)
  } catch (error) {
    if (!(isHoldfastError(error, 'failed') && error.message.includes('No such process'))) throw error
  }
}
