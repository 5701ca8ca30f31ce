// overrides: what people on sites that were cut off have set over the policy of their device, and what becomes of it.

import { switchFlag } from '../../shared/cli/parse.ts'
import type { Cell } from '../../shared/cli/table.ts'
import { apiVersion } from '../../shared/intent/resource.ts'
import { formatYaml } from '../../shared/intent/yaml.ts'
import { overrideByText } from '../../shared/override/override.ts'
import type { List, Presented } from '../api/answers.ts'
import type { FleetOverride } from '../hub.ts'
import { ageText } from './columns.ts'
import { argument, type Command, printJson, printTable } from './context.ts'

const VERDICTS = { accepted: 'being accepted', dropped: 'being dropped' } as const

/** What is known of it; a device that is away may be further. */
function stateCell({ expiresAt, nodeState, state, verdict }: FleetOverride, now: number): Cell {
  if (state !== 'active') return { text: state, tone: 'dim' }
  const word = verdict === undefined ? 'active' : VERDICTS[verdict]
  if (nodeState === 'online') return { text: word, tone: 'warn' }
  return { text: expiresAt <= now ? 'past its end, not heard of' : `${word}, when last heard`, tone: 'warn' }
}

export const overridesList: Command = async (context) => {
  const { items } = await context.client().get<List<FleetOverride>>('/api/v1/overrides')
  if (switchFlag(context.flags, 'json')) {
    printJson(context, { items })
    return
  }
  const now = context.clock.now()
  const rows = items.map((one) => [
    one.id,
    one.node,
    stateCell(one, now),
    one.state === 'active' && one.expiresAt > now ? ageText(one.expiresAt - now) : '-',
    overrideByText(one.by),
    one.policies.map(({ name }) => name).join(','),
    one.reason,
  ])
  const headings = ['id', 'node', 'state', 'ends in', 'by', 'policies', 'reason']
  printTable(context, { headings, rows }, 'No device has told of a policy override.')
}

export const overridesShow: Command = async (context) => {
  const path = `/api/v1/overrides/${encodeURIComponent(argument(context, 0))}`
  const one = await context.client().get<FleetOverride>(path)
  if (switchFlag(context.flags, 'json')) {
    printJson(context, one)
    return
  }
  const time = (ms: number): string => new Date(ms).toISOString()
  const heard = one.nodeLastSeen === undefined ? '' : `, last heard ${time(one.nodeLastSeen)}`
  const lines = [
    `# Override ${one.id} on ${one.node} (${one.nodeState}${heard})`,
    `# State    ${stateCell(one, context.clock.now()).text}${one.endedAt === undefined ? '' : ` at ${time(one.endedAt)}`}`,
    `# Set      ${time(one.madeAt)} by ${overrideByText(one.by)}, until ${time(one.expiresAt)}`,
    `# Reason   ${one.reason}`,
  ]
  const documents = one.policies.map(({ name, spec }) =>
    formatYaml({ apiVersion, kind: 'Policy', metadata: { name }, spec }),
  )
  context.out(`${lines.join('\n')}\n${documents.join('---\n')}`)
}

export const overridesAccept: Command = async (context) => {
  const path = `/api/v1/overrides/${encodeURIComponent(argument(context, 0))}/accept`
  const { items } = await context.client().send<List<Presented<'Policy'>>>('POST', path)
  const names = items.map(({ metadata, spec }) => `Policy/${metadata.name} for ${spec.subject.node ?? 'its subject'}`)
  context.out(`In intent now: ${names.join(', ')}. The override ends on its device once they are in force there.\n`)
}

export const overridesDrop: Command = async (context) => {
  const path = `/api/v1/overrides/${encodeURIComponent(argument(context, 0))}/drop`
  const { id, node } = await context.client().send<FleetOverride>('POST', path)
  context.out(`Override ${id} ends as soon as ${node} hears of it.\n`)
}
