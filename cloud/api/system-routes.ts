// What watches over the hub itself: liveness, readiness, figures, and a summary for people.

import { awayShownMax } from '../../shared/limits.ts'
import { metricsContentType } from '../../shared/metrics-text.ts'
import { awayAmong } from '../fleet/away.ts'
import type { HubStatus } from './answers.ts'
import { hubMetrics } from './metrics.ts'
import type { ApiDeps, ApiRoute } from './route.ts'

function uptimeS(deps: ApiDeps): number {
  return Math.max(0, Math.floor((deps.clock.now() - deps.startedAt) / 1_000))
}

export const systemRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/healthz',
    role: 'public',
    summary: 'The process answers',
    reply: '`ok`',
    replyType: 'text/plain',
    handle: ({ context }) => context.text('ok\n'),
  },
  {
    method: 'GET',
    path: '/readyz',
    role: 'public',
    summary: 'The hub can serve devices',
    reply: '`ok`, or 503 and the reason',
    replyType: 'text/plain',
    handle: ({ context, deps }) => {
      const why = deps.unready()
      return why === undefined ? context.text('ok\n') : context.text(`${why}\n`, 503)
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    role: 'viewer',
    summary: 'Figures for Prometheus',
    reply: 'Prometheus text format',
    replyType: 'text/plain',
    handle: ({ context, deps }) =>
      context.text(
        hubMetrics({
          version: deps.version,
          uptimeS: uptimeS(deps),
          residentBytes: process.memoryUsage.rss(),
          fleet: deps.hub.fleet(),
          rollOut: deps.hub.rollOut(),
          watchers: deps.events.watchers(),
          brokerConnections: deps.brokerConnections(),
          flows: deps.hub.flowFigures(),
          replica: deps.replica?.status(),
          clusters: deps.clusters.list(),
          commands: deps.hub.commands.figures(),
          people: { sessions: deps.sessions.count(), signIns: deps.signIns },
        }),
        200,
        { 'content-type': metricsContentType },
      ),
  },
  {
    method: 'GET',
    path: '/api/v1/status',
    role: 'viewer',
    summary: 'The hub in short',
    reply: 'Version, uptime, readiness, networks and counts',
    handle: ({ context, deps }) => {
      const fleet = deps.hub.fleet()
      const unready = deps.unready()
      const connections = deps.brokerConnections()
      const clusters = deps.clusters.list()
      const status: HubStatus = {
        version: deps.version,
        url: deps.url(),
        uptimeS: uptimeS(deps),
        ready: unready === undefined,
        ...(unready === undefined ? {} : { reason: unready }),
        networks: deps.hub.rollOut(),
        agentUpdates: deps.hub.agentUpdates(),
        nodes: fleet.length,
        online: fleet.filter((node) => node.state === 'online').length,
        away: awayAmong(fleet).slice(0, awayShownMax),
        overrides: fleet.filter((node) => node.overrides !== undefined).map((node) => node.name),
        pending: fleet.filter((node) => node.state === 'pending').map((node) => node.name),
        unsigned: fleet.filter((node) => node.state === 'unsigned').map((node) => node.name),
        ...(connections === undefined ? {} : { brokerConnections: connections }),
        ...(deps.replica === undefined ? {} : { replica: deps.replica.status() }),
        ...(clusters.length === 0 ? {} : { clusters }),
      }
      return context.json(status)
    },
  },
]
