// Join tokens, API tokens and approval.

import { listFlag, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { ApiTokenRow } from '../access/access-store.ts'
import type { NewApiToken } from '../access/api-tokens.ts'
import type { List } from '../api/answers.ts'
import type { CreatedToken, FleetNode, TokenRow } from '../hub.ts'
import { ageText, tokenTable } from './columns.ts'
import { argument, type Command, printJson, printTable } from './context.ts'

function labelsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1)
        throw new HoldfastError('usage', `"${pair.slice(0, 80)}" is not a label`, { remedy: 'Write key=value.' })
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

function usesOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new HoldfastError('usage', `--uses "${text.slice(0, 20)}" is not a number of devices`, {
    remedy: 'Write a whole number from 1 to 100000.',
  })
}

export const tokenCreate: Command = async (context) => {
  const { flags } = context
  const client = context.client()
  const created = await client.send<CreatedToken>('POST', '/api/v1/tokens', {
    network: textFlag(flags, 'network'),
    ttl: textFlag(flags, 'ttl'),
    uses: usesOf(textFlag(flags, 'uses') ?? '1'),
    labels: labelsOf(listFlag(flags, 'label')),
    autoApprove: !switchFlag(flags, 'approve'),
  })
  const { url } = await client.get<{ url: string }>('/api/v1/status')
  const command = `holdfast join ${url} --token ${created.token}`
  if (switchFlag(flags, 'json')) {
    printJson(context, { ...created, url, command })
    return
  }
  const left = ageText(created.expiresAt - context.clock.now())
  context.out(
    `${command}\n\nRun this on the device, within ${left}. The token is not shown again; its id is ${created.id}.\n`,
  )
}

export const tokenList: Command = async (context) => {
  const { items } = await context.client().get<List<TokenRow>>('/api/v1/tokens')
  if (switchFlag(context.flags, 'json')) printJson(context, { items })
  else printTable(context, tokenTable(items, context.clock.now()), 'There are no join tokens.')
}

export const tokenRevoke: Command = async (context) => {
  await context.client().send('DELETE', `/api/v1/tokens/${encodeURIComponent(argument(context, 0))}`)
  context.out('revoked\n')
}

export const accessCreate: Command = async (context) => {
  const ttl = textFlag(context.flags, 'ttl')
  const created = await context.client().send<NewApiToken>('POST', '/api/v1/access', {
    name: argument(context, 0),
    role: textFlag(context.flags, 'role'),
    ...(ttl === undefined ? {} : { ttl }),
  })
  if (switchFlag(context.flags, 'json')) printJson(context, created)
  else
    context.out(`${created.token}\n\nSet it as HOLDFAST_HUB_TOKEN. It is not shown again; its id is ${created.id}.\n`)
}

export const accessList: Command = async (context) => {
  const { items } = await context.client().get<List<ApiTokenRow>>('/api/v1/access')
  if (switchFlag(context.flags, 'json')) {
    printJson(context, { items })
    return
  }
  const now = context.clock.now()
  const rows = items.map(({ createdAt, expiresAt, id, name, role }) => [
    id,
    name,
    role,
    ageText(now - createdAt),
    expiresAt === undefined ? 'never' : ageText(expiresAt - now),
  ])
  printTable(context, { headings: ['id', 'name', 'role', 'age', 'expires in'], rows }, 'There are no API tokens.')
}

export const accessRevoke: Command = async (context) => {
  await context.client().send('DELETE', `/api/v1/access/${encodeURIComponent(argument(context, 0))}`)
  context.out('revoked\n')
}

export const approve: Command = async (context) => {
  const name = argument(context, 0)
  const node = await context.client().send<FleetNode>('POST', `/api/v1/nodes/${encodeURIComponent(name)}/approve`)
  context.out(`${node.name} is approved, with ${node.addresses.join(', ') || 'no address yet'}\n`)
}
