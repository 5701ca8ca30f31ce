// status, graph and audit: the fleet as a whole.

import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { formatVersion } from '../../shared/record/head.ts'
import type { AuditRow, RollOut } from '../hub.ts'
import { ageText } from './columns.ts'
import { type Command, printJson, printTable } from './context.ts'
import { renderGraph } from './graph.ts'
import type { FleetRow, List } from './shapes.ts'

interface HubStatus {
  readonly version: string
  readonly url: string
  readonly uptimeS: number
  readonly ready: boolean
  readonly reason?: string
  readonly networks: readonly RollOut[]
  readonly nodes: number
  readonly online: number
  readonly pending: readonly string[]
  readonly brokerConnections?: number
}

export const status: Command = async (context) => {
  const hub = await context.client().get<HubStatus>('/api/v1/status')
  if (switchFlag(context.flags, 'json')) {
    printJson(context, hub)
    return
  }
  context.out(`Hub ${hub.version} at ${hub.url}, up ${ageText(hub.uptimeS * 1_000)}\n`)
  context.out(hub.ready ? `${hub.online} of ${hub.nodes} devices online\n` : `NOT READY: ${hub.reason ?? 'unknown'}\n`)
  if (hub.pending.length > 0) {
    context.out(`Waiting for approval: ${hub.pending.join(', ')} (\`holdfast-hub approve NAME\`)\n`)
  }
  const rows = hub.networks.map(({ acknowledged, network, nodes, offline, pending, version }) => [
    network,
    formatVersion(version),
    { text: `${acknowledged}/${nodes}`, tone: acknowledged === nodes ? 'good' : 'warn' } as const,
    pending.join(',') || '-',
    offline.join(',') || '-',
  ])
  context.out('\n')
  printTable(context, { headings: ['network', 'revision', 'acknowledged', 'pending', 'offline'], rows }, 'No networks.')
}

export const graph: Command = async (context) => {
  const { items } = await context.client().get<List<FleetRow>>('/api/v1/fleet')
  context.out(renderGraph(items, textFlag(context.flags, 'format') === 'mermaid' ? 'mermaid' : 'dot'))
}

export const audit: Command = async (context) => {
  const limit = encodeURIComponent(textFlag(context.flags, 'limit') ?? '50')
  const { items } = await context.client().get<List<AuditRow>>(`/api/v1/audit?limit=${limit}`)
  if (switchFlag(context.flags, 'json')) {
    printJson(context, { items })
    return
  }
  const rows = items.map((row) => [new Date(row.at).toISOString(), row.actor, row.verb, row.target, row.detail])
  printTable(context, { headings: ['time', 'who', 'did', 'what', 'detail'], rows }, 'Nothing was changed yet.')
}
