// What is asked of the agent about other versions of itself.

import type { Agent } from '../agent.ts'
import { noHome } from '../host/program-home.ts'
import { updatable } from '../update/candidate.ts'
import type { AgentUpdates } from '../update/update.ts'
import { paths, type UpdatesAnswer } from './api.ts'
import type { LocalRoute } from './server.ts'

type Asked = Pick<Agent, 'updates'>

function updatesOf(agent: Asked): AgentUpdates {
  const updates = agent.updates()
  if (updates === undefined) throw noHome()
  return updates
}

function tell(agent: Asked): UpdatesAnswer {
  const updates = updatesOf(agent)
  const { home, runs } = updates
  const [busy, update, order] = [updates.busy(), updates.view(), updates.order()]
  return {
    home,
    runs,
    version: runs.version,
    layout: updatable.layout,
    refused: updates.kept().refused,
    ...(busy === undefined ? {} : { busy }),
    ...(update === undefined ? {} : { update }),
    ...(order === undefined ? {} : { order }),
  }
}

export function updateRoutes(agent: Asked): readonly LocalRoute[] {
  return [
    { method: 'GET', path: paths.update, handle: () => tell(agent) },
    {
      method: 'POST',
      path: paths.update,
      order: true,
      async handle(query, response) {
        const updates = updatesOf(agent)
        const answer = await updates.begin(query.get('sha256') ?? '')
        // The other version is chosen: this one leaves, whether or not somebody still listens.
        response.once('close', () => updates.leave())
        if (response.closed) updates.leave()
        return answer
      },
    },
  ]
}
