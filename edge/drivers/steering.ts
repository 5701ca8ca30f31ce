// Rules and tables of the kernel that lead Holdfast's own packets, by `ip`. Ours bear our protocol number; others are left
// alone.

import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { uplinksMax } from '../../shared/limits.ts'
import type { SteeringDriver } from '../uplinks/doors.ts'
import {
  firstProbeTable,
  mainTable,
  noSteering,
  type Rule,
  type Steering,
  steeringChange,
  steeringPriorities,
  steeringTable,
  type TableRoute,
} from '../uplinks/steering.ts'
import type { Family } from '../uplinks/uplink.ts'
import type { Run } from './command.ts'
import { hasIpv6 } from './forwarding.ts'

/** As our routes. */
const PROTOCOL = '72'

interface IpRule {
  readonly priority?: number
  readonly src?: string
  readonly dst?: string
  readonly ipproto?: string
  readonly sport?: number
  readonly dport?: number
  readonly table?: string
  readonly suppress_prefixlen?: number
  readonly protocol?: string
}

interface IpRoute {
  readonly dst?: string
  readonly gateway?: string
  readonly dev?: string
  readonly prefsrc?: string
  readonly table?: string
}

/** It prints nothing for none. */
function parseRows(text: string): readonly unknown[] {
  return JSON.parse(text.trim() === '' ? '[]' : text) as readonly unknown[]
}

function address(text: string | undefined): Address | undefined {
  return text === undefined || text === 'all' ? undefined : parseAddress(text)
}

/** Tables and priorities of a further network lie so far behind those of the one before. */
const APART = 100

function moved({ routes, rules }: Steering, by: number): Steering {
  const at = (table: number): number => (table === mainTable ? table : table + by)
  return {
    rules: rules.map((rule) => ({ ...rule, priority: rule.priority + by, table: at(rule.table) })),
    routes: routes.map((route) => ({ ...route, table: at(route.table) })),
  }
}

function ruleOf(row: IpRule): Rule {
  const [from, to] = [address(row.src), address(row.dst)]
  return {
    priority: row.priority ?? 0,
    table: row.table === 'main' || row.table === String(mainTable) ? mainTable : Number(row.table),
    protocol: /^(?:tcp|(?:ipproto-)?6)$/.test(row.ipproto ?? '') ? 'tcp' : 'udp',
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(row.sport === undefined ? {} : { sourcePort: row.sport }),
    ...(row.dport === undefined ? {} : { port: row.dport }),
    ...(row.suppress_prefixlen === undefined ? {} : { keepsRoutes: true }),
  }
}

function routeOf({ dev, dst, gateway, prefsrc, table }: IpRoute, behind: number): readonly TableRoute[] {
  const number = Number(table)
  if (!tables.has(number - behind) || dst !== 'default' || dev === undefined || prefsrc === undefined) return []
  const by = address(gateway)
  return [
    { table: number, interface: dev, ...(by === undefined ? {} : { gateway: by }), source: parseAddress(prefsrc) },
  ]
}

const tables = new Set([steeringTable, ...Array.from({ length: uplinksMax }, (_, i) => firstProbeTable + i)])
const priorities = new Set<number>(steeringPriorities)

/** One program for both: on a small machine its start costs more than its work. */
const QUESTIONS = `rule show\nroute show table all protocol ${PROTOCOL}\n`

/** `place`: of this network among those of the host; the first is 0. */
export function createSteeringDriver(run: Run, place = 0): SteeringDriver {
  const by = place * APART
  const families: readonly Family[] = hasIpv6() ? [4, 6] : [4]

  const read = async (family: Family): Promise<Steering> => {
    if (!families.includes(family)) return noSteering
    const answer = await run('ip', [`-${family}`, '-N', '-j', '-batch', '-'], { input: QUESTIONS }).catch(
      (error: unknown) => {
        if (isHoldfastError(error, 'failed') && error.message.includes('not supported')) return undefined
        throw error
      },
    )
    // A kernel without policy routing holds nothing of ours.
    if (answer === undefined) return noSteering
    const [rules = '', routes = ''] = answer.split('\n')
    const mine = ({ priority, protocol }: IpRule): boolean =>
      protocol === PROTOCOL && priorities.has((priority ?? 0) - by)
    const found = {
      rules: (parseRows(rules) as readonly IpRule[]).filter(mine).map(ruleOf),
      routes: (parseRows(routes) as readonly IpRoute[]).flatMap((row) => routeOf(row, by)),
    }
    return moved(found, -by)
  }

  const set = async (family: Family, wanted: Steering): Promise<void> => {
    if (!families.includes(family)) return
    const lines = steeringChange(moved(await read(family), by), moved(wanted, by), PROTOCOL)
    if (lines.length === 0) return
    // As much as possible: an interface may be gone at this very moment.
    await run('ip', [`-${family}`, '-force', '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  return {
    read,
    set,
    async cleanup() {
      for (const family of families) await set(family, noSteering)
    },
  }
}
