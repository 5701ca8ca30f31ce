// The membership lock over REST: what is to be signed, and what people signed.

import type { Context } from 'hono'
import { parseCidr } from '../../shared/address/cidr.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { lockSubmission, type RenumberTo } from '../../shared/record/lock-bundle.ts'
import { isSet, readJson } from './body.ts'
import type { ApiRoute } from './route.ts'

function renumberTo(context: Context): RenumberTo | undefined {
  const [cidr, cidr6] = [context.req.query('cidr'), context.req.query('cidr6')]
  if (cidr === undefined && cidr6 === undefined) return undefined
  return {
    ...(cidr === undefined ? {} : { cidr: parseCidr(cidr) }),
    ...(cidr6 === undefined ? {} : { cidr6: parseCidr(cidr6) }),
  }
}

export const lockRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/networks/:name/lock',
    role: 'viewer',
    summary: 'The membership lock of a network, and who is signed for by which of its keys',
    reply: 'The lock, absent where there never was one, and the devices by name',
    query: [
      { name: 'cidr', description: 'With what is to be signed before a renumbering to this IPv4 block' },
      { name: 'cidr6', description: 'The same, to this IPv6 block' },
    ],
    handle: ({ context, deps }) =>
      context.json(deps.hub.lockView(context.req.param('name') ?? '', renumberTo(context))),
  },
  {
    method: 'PUT',
    path: '/api/v1/networks/:name/lock',
    role: 'admin',
    summary: 'Hand in signatures by keys of the membership lock: for members, and for the lock that is to follow',
    query: [
      {
        name: 'replace',
        description: 'true: take a first lock of new keys though there is one, because its keys are lost',
      },
    ],
    request: lockSubmission,
    example: { members: [] },
    reply: 'The lock and the devices, as they are now',
    handle: async (call) => {
      const { actor, context, deps } = call
      const bundle = parseWith(lockSubmission, await readJson(call))
      const replace = isSet(context, 'replace')
      return context.json(deps.hub.signMembers(context.req.param('name') ?? '', bundle, replace, actor))
    },
  },
]
