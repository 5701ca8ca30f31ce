// Policy overrides of devices: what people on a site that was cut off have set, and what is said of it here.

import { HoldfastError } from '../../shared/errors.ts'
import { apiVersion } from '../../shared/intent/resource.ts'
import { presentResource } from './reply.ts'
import type { ApiRoute, Call } from './route.ts'

function idOf({ context }: Call): string {
  return context.req.param('id') ?? ''
}

export const overrideRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/overrides',
    role: 'viewer',
    summary: 'Policy overrides that devices told of: those that hold, and the last that ended',
    reply: 'Overrides with the device, who set them, why, until when, and what was said of them here',
    handle: ({ context, deps }) => context.json({ items: deps.hub.overrides() }),
  },
  {
    method: 'GET',
    path: '/api/v1/overrides/:id',
    role: 'viewer',
    summary: 'One policy override with its policies',
    reply: 'The override',
    handle: (call) => {
      const fits = call.deps.hub.overrides().filter(({ id }) => id.startsWith(idOf(call)))
      if (fits.length === 1) return call.context.json(fits[0])
      throw new HoldfastError('not-found', `no one override begins with "${idOf(call).slice(0, 70)}"`, {
        remedy: 'See `holdfast-hub overrides list`.',
      })
    },
  },
  {
    method: 'POST',
    path: '/api/v1/overrides/:id/accept',
    role: 'operator',
    summary: 'Put the policies of an override into intent, for its device alone; it ends there once they are in force',
    reply: 'The policies as they are now',
    handle: (call) => {
      const shown = call.deps.hub.acceptOverride(idOf(call), call.actor)
      return call.context.json({ apiVersion, kind: 'List', items: shown.map(presentResource) })
    },
  },
  {
    method: 'POST',
    path: '/api/v1/overrides/:id/drop',
    role: 'operator',
    summary: 'End an override on its device, as soon as that hears of it',
    reply: 'The override',
    handle: (call) => call.context.json(call.deps.hub.dropOverride(idOf(call), call.actor)),
  },
]
