// A hub with its real API, its real HTTPS and the dashboard of build/out, whose devices are played here: thousands of them
// speak without a socket each. For looks at the dashboard and for the measurement of it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { openAccessStore, type Role, roles } from '../../cloud/access/access-store.ts'
import { createApiTokens } from '../../cloud/access/api-tokens.ts'
import { grantBy } from '../../cloud/access/grants.ts'
import { openSessionStore } from '../../cloud/access/session-store.ts'
import { createSessions } from '../../cloud/access/sessions.ts'
import { createApp } from '../../cloud/api/app.ts'
import { createDashboard } from '../../cloud/api/dashboard.ts'
import { createDownloads } from '../../cloud/api/downloads.ts'
import { createEventLog } from '../../cloud/api/event-log.ts'
import type { MqttDoor } from '../../cloud/broker/listener.ts'
import { noClusters } from '../../cloud/clusters/clusters.fake.ts'
import { openFlowStore } from '../../cloud/flows/sqlite-flows.ts'
import { createWorld, type World } from '../../cloud/hub-world.fake.ts'
import { listenHttps } from '../../cloud/serve/https-server.ts'
import { openTls } from '../../cloud/tls/authority.ts'
import { dashboardBytesMax } from '../../shared/dashboard-limits.ts'
import { readFilesIn } from '../../shared/host/carried-files.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../shared/host/clock.ts'
import { createLog } from '../../shared/host/log.ts'

const out = resolve(import.meta.dirname, '../../build/out')
const host = '127.0.0.1'
const log = createLog({ level: 'error', format: 'text', now: () => clock.now() })

export interface StagedHub {
  readonly world: World
  readonly flowStore: ReturnType<typeof openFlowStore>
  readonly url: string
  /** One of each role. */
  readonly tokens: Readonly<Record<Role, string>>
  close(): Promise<void>
}

/** `dashboard`: directory of its build. */
export async function stageHub(dashboard = join(out, 'dashboard')): Promise<StagedHub> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-dashboard-'))
  const flowStore = openFlowStore(join(directory, 'flows.db'), { clock, log })
  const world = createWorld({ clock, flowStore })
  await world.hub.start()
  const tokens = createApiTokens(openAccessStore(':memory:'), clock, entropy)
  const words = Object.fromEntries(roles.map((role) => [role, tokens.create(role, role).token])) as Record<Role, string>
  const grantOf = grantBy(tokens)
  const tls = openTls({ directory: join(directory, 'tls'), hosts: [host, 'localhost'], clock, entropy, log })
  const events = createEventLog(world.hub, entropy, clock)
  let url = ''
  const app = createApp({
    hub: world.hub,
    tokens,
    sessions: createSessions({ store: openSessionStore(':memory:'), clock, entropy, grantOf }),
    signIns: { token: 0, oidc: 0, refused: 0 },
    events,
    downloads: createDownloads(clock),
    clusters: noClusters,
    dashboard: createDashboard(readFilesIn(dashboard, dashboardBytesMax)),
    clock,
    log,
    version: '0.1.0',
    signedAuthority: new Uint8Array(80),
    startedAt: clock.now(),
    url: () => url,
    unready: () => undefined,
    brokerConnections: () => undefined,
  })
  // Its devices need no socket.
  const mqtt: MqttDoor = { accept: (stream) => void stream.destroy(), connections: () => 0 }
  const web = await listenHttps(app, tls, { host, port: 0 }, { proxies: [], clock, log, mqtt })
  url = `https://${host}:${web.port}`
  return {
    world,
    flowStore,
    url,
    tokens: words,
    async close() {
      events.close()
      await web.close()
      await world.hub.stop()
      flowStore.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
