// Commands to one device: given here, carried out by its agent, and told of here.

import type { Context } from 'hono'
import * as v from 'valibot'
import { commandLifeMsMax, commandLifeMsMin, commandPingsMax } from '../../shared/command-limits.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { integer, name } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { type CommandKind, commandKinds } from '../../shared/wire/command.ts'
import type { Role } from '../access/access-store.ts'
import { readJson } from './body.ts'
import { type ApiRoute, type Call, mayCall } from './route.ts'

const requestSchema = v.pipe(
  v.strictObject({
    kind: v.picklist(commandKinds),
    /** The peer that the device is to ping, or to tell the past of; absent where a ping only asks the device itself. */
    peer: v.optional(name),
    count: v.optional(integer(1, commandPingsMax)),
    /** How long to wait for the device, seconds. */
    expiresInS: v.optional(integer(commandLifeMsMin / 1_000, commandLifeMsMax / 1_000)),
  }),
  v.check(
    ({ count, kind, peer }) =>
      kind === 'ping' || (count === undefined && (peer !== undefined) === (kind === 'history')),
    'count is of a ping alone; a peer is of a ping, and of a history, which needs one',
  ),
)

/** What looks takes an operator; what changes the device takes an administrator. */
const ROLE: Record<CommandKind, Role> = {
  ping: 'operator',
  netcheck: 'operator',
  history: 'operator',
  bundle: 'operator',
  'rotate-key': 'admin',
}

function missing(id: string): HoldfastError {
  return new HoldfastError('not-found', `there is no command "${id.slice(0, 20)}"`, {
    remedy: 'A hub remembers those of the last two weeks, as far as there is room; the audit log has them all.',
  })
}

function idOf(context: Context): string {
  return context.req.param('id') ?? ''
}

async function give(call: Call): Promise<Response> {
  const { actor, context, deps } = call
  const request = parseWith(requestSchema, await readJson(call))
  const needed = ROLE[request.kind]
  if (!mayCall(actor.role, needed)) {
    throw new HoldfastError('forbidden', `${request.kind} needs the role ${needed}; you have ${actor.role}`, {
      remedy: 'Ask an administrator.',
    })
  }
  const asked = deps.hub.commands.send(context.req.param('name') ?? '', request, actor)
  return context.json(asked, 202)
}

export const commandRoutes: readonly ApiRoute[] = [
  {
    method: 'POST',
    path: '/api/v1/nodes/:name/commands',
    role: 'operator',
    summary:
      'Let the agent of a device do something now: ping, netcheck, history, bundle; rotate-key takes an administrator',
    request: requestSchema,
    reply: 'The command, with its id (202); what comes of it is an event `command`, and under /api/v1/commands',
    handle: give,
  },
  {
    method: 'GET',
    path: '/api/v1/commands',
    role: 'operator',
    summary: 'The last commands to devices, newest first',
    query: [{ name: 'node', description: 'Only those to this device' }],
    reply: 'Commands with what came of them',
    handle: ({ context, deps }) => {
      const node = context.req.query('node')
      const items = deps.hub.commands.list().filter((one) => node === undefined || one.node === node)
      return context.json({ items: items.map((one) => ({ ...one, result: undefined })) })
    },
  },
  {
    method: 'GET',
    path: '/api/v1/commands/:id',
    role: 'operator',
    summary: 'One command: queued, sent, answered, failed, refused or expired',
    reply: 'The command, with its result where it is JSON, and the path of its result where it is a file',
    handle: ({ context, deps }) => {
      const asked = deps.hub.commands.get(idOf(context))
      if (asked === undefined) throw missing(idOf(context))
      return context.json(asked)
    },
  },
  {
    method: 'GET',
    path: '/api/v1/commands/:id/result',
    role: 'operator',
    summary: 'The file that a command brought',
    reply: 'A support bundle',
    replyType: 'application/gzip',
    handle: ({ context, deps }) => {
      const file = deps.hub.commands.file(idOf(context))
      if (file === undefined) throw missing(idOf(context))
      return context.body(new Uint8Array(file.bytes), 200, {
        'content-type': 'application/gzip',
        'content-disposition': `attachment; filename="${file.name}"`,
      })
    },
  },
]
