// What a replica says that does not lead: that it is well, and who leads. The Service does not lead here, so only probes and
// people who look for it come by.

import { join } from 'node:path'
import { Hono } from 'hono'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { errorBody, statusOf } from '../api/reply.ts'
import type { MqttDoor } from '../broker/listener.ts'
import { type HttpsServer, listenHttps } from '../serve/https-server.ts'
import type { ServeSettings } from '../serve/settings.ts'
import { openTls } from '../tls/authority.ts'

export interface WaitingRoomOptions {
  readonly settings: Pick<ServeSettings, 'data' | 'listen' | 'trustProxies'>
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** Empty where nobody is known to lead. */
  readonly leader: () => string
  /** Why it could not take over; undefined where it could. */
  readonly problem: () => string | undefined
}

function refusal(leader: string): HoldfastError {
  const words = leader === '' ? 'and nobody leads at the moment' : `and ${leader} leads`
  return new HoldfastError('unreachable', `this replica of the hub waits, ${words}`, {
    remedy: 'Reach the hub through its Service.',
  })
}

/** It proves itself to nobody: its certificate is its own, for it holds no word of the hub's. */
export function openWaitingRoom(options: WaitingRoomOptions): Promise<HttpsServer> {
  const { clock, entropy, leader, log, problem, settings } = options
  const app = new Hono()
  app.get('/healthz', (context) => context.text('ok\n'))
  app.get('/readyz', (context) => {
    const why = problem()
    return why === undefined ? context.text(`waits; ${leader() || 'nobody'} leads\n`) : context.text(`${why}\n`, 503)
  })
  app.all('*', (context) => {
    const error = refusal(leader())
    return context.json(errorBody(error), statusOf(error))
  })
  const tls = openTls({ directory: join(settings.data, 'waiting-room'), hosts: [], clock, entropy, log })
  const mqtt: MqttDoor = { accept: (stream) => void stream.destroy(), connections: () => 0 }
  return listenHttps(app, tls, settings.listen, { proxies: settings.trustProxies, clock, log, mqtt })
}
