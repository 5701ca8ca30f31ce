// What leads this host out by others, in the kernel: the own nft table, and rules and routes that bear our protocol number.
// The table goes in first and comes off last, so that nothing leaves in between.

import { isHoldfastError } from '../../shared/errors.ts'
import { readIfThere, removeLasting, writeAtomic } from '../../shared/host/files.ts'
import { exitMetric, exitPriorities, exitTable, exitTableName } from '../plan/exit-setup.ts'
import type { ExitRoute, ExitRule, ExitSetup } from '../plan/led-out.ts'
import type { Run } from './command.ts'
import { hasIpv6 } from './forwarding.ts'
import { createNftTable } from './nft.ts'

export interface ExitDriver {
  /** Undefined where nothing stands; `changed` where it is not what this process has set. */
  read(): Promise<ExitSetup | 'changed' | undefined>
  set(setup: ExitSetup | undefined): Promise<void>
}

/** As our routes. */
const PROTOCOL = '72'
const FAMILIES = [4, 6] as const

interface IpRule {
  readonly priority?: number
  readonly dst?: string
  readonly fwmark?: string
  readonly fwmask?: string
  readonly ipproto?: string
  readonly sport?: number
  readonly dport?: number
  readonly table?: string
  readonly suppress_prefixlen?: number
  readonly protocol?: string
}

interface IpRoute {
  readonly dst?: string
  readonly dev?: string
  readonly prefsrc?: string
  readonly metric?: number
}

/** It prints nothing for none. */
function parseRows(text: string): readonly unknown[] {
  return JSON.parse(text.trim() === '' ? '[]' : text) as readonly unknown[]
}

function protocolName(text: string): string {
  return /^(?:tcp|(?:ipproto-)?6)$/.test(text) ? 'tcp' : 'udp'
}

/** In the one form that wishes have. */
function ruleText(row: IpRule): string {
  const { dport, dst, fwmark, fwmask, ipproto, priority, sport, suppress_prefixlen: suppressed, table } = row
  return [
    `pref ${priority}`,
    ...(dst === undefined || dst === 'all' ? [] : [`to ${dst}`]),
    ...(ipproto === undefined ? [] : [`ipproto ${protocolName(ipproto)}`]),
    ...(sport === undefined ? [] : [`sport ${sport}`]),
    ...(dport === undefined ? [] : [`dport ${dport}`]),
    ...(fwmark === undefined ? [] : [`fwmark ${fwmark}/${fwmask ?? '0xffffffff'}`]),
    `lookup ${table === '254' ? 'main' : table}`,
    ...(suppressed === undefined ? [] : [`suppress_prefixlength ${suppressed}`]),
  ].join(' ')
}

function routeText(name: string, { source }: ExitRoute): string {
  return `default dev ${name} src ${source} table ${exitTable} metric ${exitMetric}`
}

function textOf({ dev, prefsrc, metric }: IpRoute): string {
  return `default dev ${dev}${prefsrc === undefined ? '' : ` src ${prefsrc}`} table ${exitTable} metric ${metric}`
}

interface Standing {
  readonly rules: readonly string[]
  readonly routes: readonly string[]
}

/**
 * From power-on, before the agent has said so again, nothing leaves where the way out is closed; what stands already stays.
 * `keptAt`: where `createExitDriver` keeps it.
 */
export async function closeExit(run: Run, keptAt: string): Promise<void> {
  const ruleset = readIfThere(keptAt)
  if (ruleset === undefined) return
  const table = createNftTable(exitTableName, run, false)
  if (!(await table.stands())) await table.set(ruleset)
}

/** `keptAt`: a file for what closes the way out, so that it does from the next power-on. */
export function createExitDriver(run: Run, keptAt: string): ExitDriver {
  const table = createNftTable(exitTableName, run, false)
  let known: ExitSetup | undefined
  /** Nothing of ours stands: said once by the kernel, and by nobody but this driver otherwise. */
  let isClear = false

  const standing = async (family: 4 | 6): Promise<Standing> => {
    if (family === 6 && !hasIpv6()) return { rules: [], routes: [] }
    const questions = `rule show\nroute show table ${exitTable} protocol ${PROTOCOL}\n`
    const answer = await run('ip', [`-${family}`, '-N', '-j', '-force', '-batch', '-'], { input: questions }).catch(
      async (error: unknown) => {
        if (!isHoldfastError(error, 'failed')) throw error
        if (error.message.includes('not supported')) return ''
        // A table that nobody has used is an error to some.
        return await run('ip', [`-${family}`, '-N', '-j', 'rule', 'show'])
      },
    )
    const [rules = '', routes = ''] = answer.split('\n')
    const mine = ({ priority, protocol }: IpRule): boolean => protocol === PROTOCOL && exitPriorities.has(priority ?? 0)
    return {
      rules: (parseRows(rules) as readonly IpRule[]).filter(mine).map(ruleText),
      routes: (parseRows(routes) as readonly IpRoute[]).map(textOf),
    }
  }

  const wanted = (family: 4 | 6, setup: ExitSetup | undefined): Standing => {
    const of = <T extends ExitRule | ExitRoute>(all: readonly T[]): readonly T[] =>
      all.filter((one) => one.family === family && (family === 4 || hasIpv6()))
    if (setup === undefined) return { rules: [], routes: [] }
    return {
      rules: of(setup.rules).map(({ text }) => text),
      routes: of(setup.routes).map((route) => routeText(setup.interface, route)),
    }
  }

  /** Lasting before it is in force, and gone before it is not. */
  const keep = (setup: ExitSetup | undefined): void => {
    const held = readIfThere(keptAt)
    if (setup?.closes !== true) {
      if (held !== undefined) removeLasting(keptAt)
    } else if (held !== setup.ruleset) writeAtomic(keptAt, setup.ruleset)
  }

  const missing = (all: readonly string[], some: readonly string[]): readonly string[] =>
    all.filter((one) => !some.includes(one))

  /** New rules come before old ones go, and routes before the rules that lead to them. */
  const lead = async (family: 4 | 6, setup: ExitSetup | undefined): Promise<void> => {
    const [before, after] = [await standing(family), wanted(family, setup)]
    const lines = [
      ...missing(after.routes, before.routes).map((text) => `route replace ${text} protocol ${PROTOCOL}`),
      ...missing(after.rules, before.rules).map((text) => `rule add ${text} protocol ${PROTOCOL}`),
      ...missing(before.rules, after.rules).map((text) => `rule del ${text} protocol ${PROTOCOL}`),
      ...missing(before.routes, after.routes).map((text) => `route del ${text} protocol ${PROTOCOL}`),
    ]
    if (lines.length > 0) await run('ip', [`-${family}`, '-force', '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  const isAsWanted = async (setup: ExitSetup | undefined): Promise<boolean> => {
    for (const family of FAMILIES) {
      const [is, wish] = [await standing(family), wanted(family, setup)]
      const same = (a: readonly string[], b: readonly string[]): boolean =>
        a.length === b.length && missing(a, b).length === 0
      if (!same(is.rules, wish.rules) || !same(is.routes, wish.routes)) return false
    }
    return true
  }

  return {
    async read() {
      if (known === undefined) {
        if (isClear) return undefined
        isClear = !(await table.stands()) && (await isAsWanted(undefined))
        return isClear ? undefined : 'changed'
      }
      return (await table.read()) === known.ruleset && (await isAsWanted(known)) ? known : 'changed'
    },
    async set(setup) {
      known = undefined
      isClear = false
      keep(setup)
      if (setup !== undefined) await table.set(setup.ruleset)
      for (const family of FAMILIES) await lead(family, setup)
      if (setup === undefined) await table.remove()
      known = setup
      isClear = setup === undefined
    },
  }
}
