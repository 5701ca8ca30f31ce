// serve: runs the hub until it is told to stop.

import { hostname } from 'node:os'
import { listFlag, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import type { HoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { createLog } from '../../shared/host/log.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { parseConfig } from '../../shared/intent/yaml.ts'
import { createNotify } from '../serve/notify.ts'
import { type Server, type ServerEffects, startServer } from '../serve/server.ts'
import {
  readSettings,
  resolveSettings,
  type ServeSettings,
  type SettingsFile,
  settingsFile,
} from '../serve/settings.ts'
import type { Command, Context } from './context.ts'
import { untilStopped } from './stopped.ts'

/** Flags in the shape of the settings file, checked by the same schema. */
function given({ flags }: Context): SettingsFile {
  const level = textFlag(flags, 'log-level')
  const format = textFlag(flags, 'log-format')
  const names = listFlag(flags, 'name')
  const otlp = textFlag(flags, 'otlp')
  const headersFile = textFlag(flags, 'otlp-headers')
  const trustProxies = listFlag(flags, 'trust-proxy')
  const [cluster, network] = [textFlag(flags, 'cluster-name'), textFlag(flags, 'cluster-network')]
  const lease = textFlag(flags, 'lease-seconds')
  const texts = {
    data: textFlag(flags, 'data'),
    listen: textFlag(flags, 'listen'),
    mqtt: textFlag(flags, 'mqtt'),
    url: textFlag(flags, 'url'),
    broker: textFlag(flags, 'broker'),
    brokerPublic: textFlag(flags, 'broker-public'),
    service: textFlag(flags, 'service'),
  }
  return parseWith(settingsFile, {
    ...Object.fromEntries(Object.entries(texts).filter((entry) => entry[1] !== undefined)),
    ...(names.length === 0 ? {} : { names }),
    ...(trustProxies.length === 0 ? {} : { trustProxies }),
    ...(otlp === undefined ? {} : { otlp: { endpoint: otlp, ...(headersFile === undefined ? {} : { headersFile }) } }),
    ...(switchFlag(flags, 'kubernetes') ? { kubernetes: true } : {}),
    cluster: {
      ...(cluster === undefined ? {} : { name: cluster }),
      ...(network === undefined ? {} : { network }),
      ...(switchFlag(flags, 'cluster-node-labels') ? { nodeLabels: true } : {}),
    },
    ...(lease === undefined ? {} : { leaseSeconds: /^\d+$/.test(lease) ? Number(lease) : lease }),
    log: { ...(level === undefined ? {} : { level }), ...(format === undefined ? {} : { format }) },
  })
}

function settingsOf(context: Context): ServeSettings {
  const path = textFlag(context.flags, 'config')
  const file = path === undefined ? parseConfig(settingsFile, '') : readSettings(path)
  return resolveSettings(file, given(context), context.env['JOURNAL_STREAM'] !== undefined)
}

function greet(context: Context, server: Server): void {
  // What a pod prints is kept, and read by many: there it is made by `kubectl exec`, without a token.
  if (server.firstToken === undefined || context.env['KUBERNETES_SERVICE_HOST'] !== undefined) return
  context.out(
    [
      '',
      `The hub is at ${server.url}. Its administrator's token, shown only this once:`,
      '',
      `  ${server.firstToken}`,
      '',
      'On this machine `holdfast-hub` works without it. Next: `holdfast-hub token create`.',
      '',
      '',
    ].join('\n'),
  )
}

/** Resolves once it serves, or waits to. `ended`: it ends by itself. */
async function start(
  context: Context,
  settings: ServeSettings,
  effects: ServerEffects,
): Promise<{ readonly ended?: Promise<HoldfastError>; stop(): Promise<void> }> {
  if (!settings.kubernetes) {
    const server = await startServer(settings, effects)
    greet(context, server)
    return server
  }
  // The client library is loaded by who follows a cluster.
  const [{ openApiStore, stateName }, { startReplica }] = await Promise.all([
    import('../replica/api-store.ts'),
    import('../replica/replica.ts'),
  ])
  const { env } = context
  const { service } = settings
  return startReplica({
    settings,
    effects,
    store: openApiStore({ namespace: env['POD_NAMESPACE'], service, clock: effects.clock }),
    base: stateName(service),
    name: env['POD_NAME'] ?? hostname(),
    address: env['POD_IP'],
    node: env['NODE_NAME'],
    onServing: (server) => greet(context, server),
  })
}

export const serve: Command = async (context) => {
  const settings = settingsOf(context)
  const log = createLog({ level: settings.logLevel, format: settings.logFormat, now: () => systemClock.now() })
  const stopped = untilStopped()
  const running = await start(context, settings, { clock: systemClock, entropy: systemEntropy, log })
  const notify = createNotify(context.env, systemClock, log)
  notify.ready()
  const reason = await (running.ended === undefined ? stopped : Promise.race([stopped, running.ended]))
  log.info('stops', typeof reason === 'string' ? { signal: reason } : { why: reason.message })
  notify.stopping()
  await running.stop()
  if (typeof reason !== 'string') throw reason
}
