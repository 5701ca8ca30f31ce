// Clusters that are not the hub's own: cluster add, list, set, rekey and remove.

import { listFlag, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import type { Cell } from '../../shared/cli/table.ts'
import type { List } from '../api/answers.ts'
import type { ClusterView } from '../clusters/clusters.ts'
import { ageText, type TableOf } from './columns.ts'
import { argument, type Command, type Context, printJson, printTable } from './context.ts'

const path = (name: string): string => `/api/v1/clusters/${encodeURIComponent(name)}`

const NAMED_MAX = 8

interface Keyed {
  readonly cluster: ClusterView
  readonly key: string
}

function stateCell({ problem, state }: ClusterView): Cell {
  const tone = state === 'connected' && problem === undefined ? 'good' : state === 'never-seen' ? 'dim' : 'warn'
  return { text: problem === undefined || state === 'refused' ? state : `${state}, see below`, tone }
}

function clusterTable(items: readonly ClusterView[], now: number): TableOf {
  const rows = items.map((one) => [
    one.name,
    one.network,
    stateCell(one),
    one.lastContact === undefined ? '-' : ageText(now - one.lastContact),
    one.version ?? '-',
    one.objects === undefined ? '-' : String(one.objects),
    String(one.policies),
    String(one.routes),
    String(one.services),
    one.imports === undefined ? '-' : String(one.imports),
    one.podBlocks.join(' ') || 'none',
  ])
  const headings = [
    'name',
    'network',
    'state',
    'last word',
    'agent',
    'objects',
    'policies',
    'routes',
    'services',
    'imports',
    'pods',
  ]
  return { headings, rows }
}

/** In a line: how many are heard, and which are not. */
export function clustersText(clusters: readonly ClusterView[]): string {
  const rest = clusters.filter(({ problem, state }) => state !== 'connected' || problem !== undefined)
  const line = `${clusters.length - rest.length} of ${clusters.length} clusters heard`
  if (rest.length === 0) return line
  const named = rest
    .slice(0, NAMED_MAX)
    .map(({ name, state }) => `${name} ${state === 'connected' ? 'at fault' : state}`)
  return `${line}: ${named.join(', ')}${rest.length > NAMED_MAX ? ' …' : ''} (\`holdfast-hub get clusters\`)`
}

export async function showClusters(context: Context): Promise<void> {
  const { items } = await context.client().get<List<ClusterView>>('/api/v1/clusters')
  if (switchFlag(context.flags, 'json') || textFlag(context.flags, 'output') === 'json') {
    printJson(context, { items })
    return
  }
  printTable(context, clusterTable(items, context.clock.now()), 'There are no clusters.')
  for (const { name, problem } of items) if (problem !== undefined) context.err(`${name}: ${problem}\n`)
}

async function tellKey(context: Context, { cluster, key }: Keyed): Promise<void> {
  const { url } = await context.client().get<{ url: string }>('/api/v1/status')
  if (switchFlag(context.flags, 'json')) return printJson(context, { cluster, key, url })
  context.out(
    [
      key,
      '',
      `This is the key of the cluster ${cluster.name}; it is not shown again. In that cluster:`,
      '',
      '  kubectl create namespace holdfast-cluster',
      '  kubectl create secret generic holdfast-cluster -n holdfast-cluster --from-literal=key=KEY',
      '  helm install holdfast-cluster holdfast-cluster-VERSION.tgz -n holdfast-cluster \\',
      `    --set hub.url=${url} --set key.existingSecret=holdfast-cluster`,
      '',
    ].join('\n'),
  )
}

export const clusterAdd: Command = async (context) => {
  const { flags } = context
  const made = await context.client().send<Keyed>('POST', '/api/v1/clusters', {
    name: argument(context, 0),
    network: textFlag(flags, 'network'),
    podBlocks: listFlag(flags, 'pods'),
  })
  await tellKey(context, made)
}

export const clusterList: Command = showClusters

export const clusterSet: Command = async (context) => {
  const podBlocks = listFlag(context.flags, 'pods')
  const cluster = await context.client().send<ClusterView>('PUT', path(argument(context, 0)), { podBlocks })
  if (switchFlag(context.flags, 'json')) printJson(context, cluster)
  else context.out(`pods of ${cluster.name} may have addresses of ${cluster.podBlocks.join(', ') || 'no block'}\n`)
}

export const clusterRekey: Command = async (context) => {
  await tellKey(context, await context.client().send<Keyed>('POST', `${path(argument(context, 0))}/key`))
}

export const clusterRemove: Command = async (context) => {
  const name = argument(context, 0)
  const gone = await context.client().send<{ records: number; isReleased: boolean }>('DELETE', path(name))
  if (switchFlag(context.flags, 'json')) return printJson(context, gone)
  context.out(`${name} is followed no longer; ${gone.records} records went with it\n`)
  if (!gone.isReleased) {
    context.err(
      'Its agent was away: in that cluster, what the hub wrote there is kept by the finalizer holdfast.dev/hub. Take it off by hand: kubectl get holdfast -o name, kubectl patch … --type=merge -p \'{"metadata":{"finalizers":null}}\'.\n',
    )
  }
}
