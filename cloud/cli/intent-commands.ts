// apply, get and delete.

import { readFileSync } from 'node:fs'
import { listFlag, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { type Kind, kinds, plural, type SpecOf } from '../../shared/intent/resource.ts'
import { parseDocuments } from '../../shared/intent/yaml.ts'
import type { List, Presented, ShownNode } from '../api/answers.ts'
import type { RollOut, TokenRow } from '../hub.ts'
import { agentUpdateTable } from './agent-updates.ts'
import { canaryFrom } from './canary.ts'
import type { Client } from './client.ts'
import { showClusters } from './cluster-commands.ts'
import {
  canaryTable,
  exitTable,
  networkTable,
  nodeTable,
  policyTable,
  routeTable,
  serviceTable,
  tokenTable,
} from './columns.ts'
import { argument, type Command, type Context, outputOf, printJson, printTable, printYaml } from './context.ts'
import { type Fetched, watch } from './watch.ts'

function kindOf(word: string): Kind {
  const lower = word.toLowerCase()
  const found = kinds.find(
    (kind) => lower === plural[kind] || lower === kind.toLowerCase() || lower === plural[kind].slice(0, -1),
  )
  if (found !== undefined) return found
  throw new HoldfastError('usage', `"${word.slice(0, 40)}" is not a kind of resource`, {
    remedy: `Use one of: ${kinds.map((kind) => plural[kind]).join(', ')}.`,
  })
}

export async function readSource(context: Context, file: string): Promise<string> {
  if (file === '-') return context.readInput()
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HoldfastError('not-found', `cannot read ${file}: ${(cause as Error).message}`, { cause })
  }
}

function speaksOfPods({ namespaceSelector, podSelector }: SpecOf<'Policy'>['subject']): boolean {
  return namespaceSelector !== undefined || podSelector !== undefined
}

export const apply: Command = async (context) => {
  const files = listFlag(context.flags, 'file')
  if (files.length === 0) throw new HoldfastError('usage', 'apply needs -f FILE', { remedy: 'Use -f - for stdin.' })
  const texts: string[] = []
  for (const file of files) {
    const text = await readSource(context, file)
    try {
      parseDocuments(text)
    } catch (error) {
      // Checked here too, because only here it is known which file the line is in.
      throw new HoldfastError('invalid', `${file}: ${describeError(error)}`, { cause: error })
    }
    texts.push(text)
  }
  const canary = textFlag(context.flags, 'canary')
  // In the same breath as what it guards.
  if (canary !== undefined) texts.push(JSON.stringify(canaryFrom(canary, textFlag(context.flags, 'canary-wait'))))
  const dry = switchFlag(context.flags, 'dry-run')
  const path = `/api/v1/apply${dry ? '?dryRun=true' : ''}`
  const { items } = await context.client().send<List<Presented>>('POST', path, texts.join('\n---\n'))
  for (const { kind, metadata } of items)
    context.out(`${kind}/${metadata.name} ${dry ? 'would be applied' : 'applied'}\n`)
  if (items.length === 0) context.out('Nothing changes.\n')
  for (const { kind, metadata, spec } of items) {
    if (kind === 'Policy' && speaksOfPods((spec as SpecOf<'Policy'>).subject)) {
      context.err(
        `mind: Policy/${metadata.name} speaks of pods: of those that agents tell of (kubernetes: in their configuration)\n`,
      )
    }
  }
}

async function fetchItems(client: Client, kind: Kind, name: string | undefined, now: number): Promise<Fetched> {
  const path = `/api/v1/${plural[kind]}`
  const one = name === undefined ? undefined : await client.get<Presented>(`${path}/${encodeURIComponent(name)}`)
  const items = one === undefined ? (await client.get<List<Presented>>(path)).items : [one]
  switch (kind) {
    case 'Network':
      return { items, table: networkTable(items) }
    case 'Canary': {
      const { items: networks } = await client.get<List<RollOut>>('/api/v1/rollout')
      return {
        items,
        table: canaryTable(
          items,
          networks.flatMap(({ canaries }) => canaries),
        ),
      }
    }
    case 'AgentUpdate':
      return { items, table: agentUpdateTable(items) }
    case 'Node': {
      const fleet = await client.get<List<ShownNode>>('/api/v1/fleet')
      return { items, table: nodeTable(items, fleet.items, now) }
    }
    case 'Policy':
      return { items, table: policyTable(items) }
    case 'Route':
      return { items, table: routeTable(items) }
    case 'Exit':
      return { items, table: exitTable(items) }
    case 'Service':
      return { items, table: serviceTable(items) }
    case 'JoinToken':
      return { items, table: tokenTable(items as readonly unknown[] as readonly TokenRow[], now) }
  }
}

function print(context: Context, kind: Kind, name: string | undefined, { items, table }: Fetched): void {
  switch (outputOf(context)) {
    case 'json':
      printJson(context, name === undefined ? { items } : items[0])
      break
    case 'yaml':
      printYaml(context, items)
      break
    default:
      printTable(context, table, `There are no ${plural[kind]}.`)
  }
}

export const get: Command = async (context) => {
  // No kind of resource, but where people look for them.
  if (/^clusters?$/i.test(argument(context, 0))) return showClusters(context)
  const kind = kindOf(argument(context, 0))
  const name = context.args[1]
  const client = context.client()
  const fetch = (): Promise<Fetched> => fetchItems(client, kind, name, context.clock.now())
  const show = (fetched: Fetched): void => print(context, kind, name, fetched)
  if (switchFlag(context.flags, 'watch')) await watch(context, client, fetch, show)
  else show(await fetch())
}

export const remove: Command = async (context) => {
  const kind = kindOf(argument(context, 0))
  const name = argument(context, 1)
  await context.client().send('DELETE', `/api/v1/${plural[kind]}/${encodeURIComponent(name)}`)
  context.out(`${kind}/${name} deleted\n`)
}
