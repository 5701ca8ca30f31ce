// status, graph and audit: the fleet as a whole.

import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS } from '../../shared/intent/token.ts'
import { formatVersion } from '../../shared/record/head.ts'
import type { HubStatus, List, ShownNode } from '../api/answers.ts'
import type { AuditRow } from '../audit.ts'
import type { CanaryState } from '../hub.ts'
import { rolloutText } from './agent-updates.ts'
import { clustersText } from './cluster-commands.ts'
import { ageText, awayTable } from './columns.ts'
import { type Command, type Context, printJson, printTable } from './context.ts'
import { renderGraph } from './graph.ts'
import { replicaText } from './replica-text.ts'

/** Devices whose reasons are spelled out; the API lists all. */
const TAKEN_BACK_SHOWN = 10
/** Devices that are away, those that left last. */
const AWAY_SHOWN = 10

function canaryText({ finishInS, firstTotal, name, proven, state }: CanaryState, waiting: number): string {
  const done = `holdfast-hub delete canary ${name}`
  const then = {
    stopped: `stopped, one of them took it back; ${waiting} nodes wait. Mend the intent, or \`${done}\``,
    watching: `${waiting} nodes wait`,
    proven:
      finishInS === undefined
        ? `${waiting} nodes wait until \`${done}\``
        : `the other ${waiting} follow in ${ageText(finishInS * 1_000)}`,
  }[state]
  return `Canary ${name}: the newest revision has proven itself on ${proven} of ${firstTotal} nodes; ${then}.`
}

function printAway(context: Context, { away, networks }: Pick<HubStatus, 'away' | 'networks'>): void {
  if (away.length === 0) return
  const newest = (name: string) => networks.find(({ network }) => network === name)?.version
  context.out('\n')
  printTable(context, awayTable(away.slice(0, AWAY_SHOWN), newest, context.clock.now()), '')
  if (away.length > AWAY_SHOWN) context.out(`and ${away.length - AWAY_SHOWN} more: \`holdfast-hub get nodes\`\n`)
  context.out('They work on from what they hold, and pass newer intent on among themselves.\n')
}

export const status: Command = async (context) => {
  const hub = await context.client().get<HubStatus>('/api/v1/status')
  if (switchFlag(context.flags, 'json')) {
    printJson(context, hub)
    return
  }
  context.out(`Hub ${hub.version} at ${hub.url}, up ${ageText(hub.uptimeS * 1_000)}\n`)
  context.out(hub.ready ? `${hub.online} of ${hub.nodes} devices online\n` : `NOT READY: ${hub.reason ?? 'unknown'}\n`)
  if (hub.replica !== undefined) context.out(`${replicaText(hub.replica)}\n`)
  if (hub.clusters !== undefined) context.out(`${clustersText(hub.clusters)}\n`)
  if (hub.overrides.length > 0) {
    context.out(`Policy overridden by hand on: ${hub.overrides.join(', ')} (\`holdfast-hub overrides list\`)\n`)
  }
  if (hub.pending.length > 0) {
    context.out(`Waiting for approval: ${hub.pending.join(', ')} (\`holdfast-hub approve NAME\`)\n`)
  }
  if (hub.unsigned.length > 0) {
    context.out(`Waiting for signatures: ${hub.unsigned.join(', ')} (\`holdfast-hub lock sign NAME --key FILE\`)\n`)
  }
  const rows = hub.networks.map(({ acknowledged, confirmed, network, nodes, offline, pending, takenBack, version }) => [
    network,
    formatVersion(version),
    { text: `${acknowledged}/${nodes}`, tone: acknowledged === nodes ? 'good' : 'warn' } as const,
    `${confirmed}/${nodes}`,
    takenBack.length === 0 ? '-' : ({ text: takenBack.map(({ name }) => name).join(','), tone: 'bad' } as const),
    pending.join(',') || '-',
    offline.join(',') || '-',
  ])
  context.out('\n')
  const headings = ['network', 'revision', 'acknowledged', 'confirmed', 'taken back', 'pending', 'offline']
  printTable(context, { headings, rows }, 'No networks.')
  printAway(context, hub)
  const taken = hub.networks.flatMap((one) => one.takenBack)
  for (const { certain, check, detail, name, version } of taken.slice(0, TAKEN_BACK_SHOWN)) {
    const open = certain ? '' : ' (it is looking whether the revision was to blame)'
    context.out(`\n${name} took revision ${formatVersion(version)} back: ${check}, ${detail}${open}`)
  }
  if (taken.length > 0) context.out('\nMend the intent: a newer revision is tried by itself.\n')
  for (const { canaries, waiting } of hub.networks) {
    for (const canary of canaries) context.out(`\n${canaryText(canary, waiting.length)}\n`)
  }
  for (const one of hub.agentUpdates ?? []) if (one.phase !== 'complete') context.out(`\n${rolloutText(one)}\n`)
}

export const graph: Command = async (context) => {
  const { items } = await context.client().get<List<ShownNode>>('/api/v1/fleet')
  context.out(renderGraph(items, textFlag(context.flags, 'format') === 'mermaid' ? 'mermaid' : 'dot'))
}

export const audit: Command = async (context) => {
  const query = new URLSearchParams({ limit: textFlag(context.flags, 'limit') ?? '50' })
  for (const name of ['actor', 'verb', 'target', 'before']) {
    const wanted = textFlag(context.flags, name)
    if (wanted !== undefined) query.set(name, wanted)
  }
  const back = textFlag(context.flags, 'since')
  if (back !== undefined)
    query.set('since', String(Math.max(0, context.clock.now() - 1_000 * durationS(parseWith(duration, back)))))
  const { items, next } = await context
    .client()
    .get<List<AuditRow> & { readonly next?: number }>(`/api/v1/audit?${query.toString()}`)
  if (switchFlag(context.flags, 'json')) {
    printJson(context, { items, ...(next === undefined ? {} : { next }) })
    return
  }
  const rows = items.map((row) => [
    new Date(row.at).toISOString(),
    row.actor,
    row.verb,
    row.target,
    row.detail,
    row.whence ?? '-',
  ])
  printTable(context, { headings: ['time', 'who', 'did', 'what', 'detail', 'from'], rows }, 'Nothing was changed yet.')
}
