// The whole hub in one process, put together: keys, stores, broker, hub and API, started in the order in which they need
// each other and stopped in reverse.

import { fromBase64 } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { version } from '../../shared/version.ts'
import { type AccessStore, openAccessStore } from '../access/access-store.ts'
import { type ApiTokens, createApiTokens } from '../access/api-tokens.ts'
import { createApp } from '../api/app.ts'
import { createDownloads } from '../api/downloads.ts'
import { createEventLog } from '../api/event-log.ts'
import { attachWebSocket } from '../broker/listener.ts'
import type { Clusters } from '../clusters/clusters.ts'
import { createHub } from '../create-hub.ts'
import type { FlowStore } from '../flows/flow-store.ts'
import { openFlowStore } from '../flows/sqlite-flows.ts'
import type { Hub } from '../hub.ts'
import type { FlowExport } from '../otlp/flow-export.ts'
import type { OtlpOptions } from '../otlp/otlp-export.ts'
import { openReleases } from '../release/releases.ts'
import type { Keeping } from '../replica/keeping.ts'
import type { HubStore } from '../store/hub-store.ts'
import { openHubStore } from '../store/sqlite.ts'
import { type HubTls, openTls } from '../tls/authority.ts'
import { type HubKeys, openHubKeys } from '../tls/hub-keys.ts'
import { rootChainFile } from '../tls/root-chain.ts'
import { namesFor } from './address.ts'
import { type BrokerSide, createBrokerSide, webSocketPath } from './broker-side.ts'
import { type DataPaths, dataPaths, lockDirectory } from './data-directory.ts'
import { followCluster, openClusters } from './follow-clusters.ts'
import { type HttpsServer, listenHttps } from './https-server.ts'
import { refuseLostDatabase, refuseLostKeys } from './identity.ts'
import { openLocalAccess, writeCliUrl } from './local-access.ts'
import { readOtlpHeaders } from './otlp-headers.ts'
import { openPeople, type People } from './people.ts'
import type { ServeSettings } from './settings.ts'

/** Under this name the store remembers which root key the audit log has told of. */
const ROOT_NOTED = 'root-noted'

export interface Server {
  /** How to reach it from outside. */
  readonly url: string
  readonly paths: DataPaths
  /** The administrator's token, at the very first start only. */
  readonly firstToken: string | undefined
  /** That it listens on here; one for both where MQTT shares the one of HTTPS, and where the broker is outside. */
  readonly ports: { readonly https: number; readonly mqtt: number }
  stop(): Promise<void>
}

export interface ServerEffects {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

function publicHost(settings: ServeSettings): string {
  if (settings.url !== undefined) return new URL(settings.url).hostname.replaceAll(/[[\]]/g, '')
  return namesFor([settings.listen])[0] ?? 'localhost'
}

/** A URL of a hub without a port means the hub's own default, as devices read it. */
function publicPort({ listen, url }: ServeSettings): number {
  return url === undefined ? listen.port : Number(/:(\d{1,5})$/.exec(url)?.[1] ?? 8_443)
}

function publicUrl(settings: ServeSettings, port: number): string {
  const host = publicHost(settings)
  return settings.url ?? `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** What the certificate is for. */
function hostsOf(settings: ServeSettings): readonly string[] {
  const { listen, mqtt, names } = settings
  return [...namesFor(mqtt === undefined ? [listen] : [listen, mqtt]), ...names, publicHost(settings)]
}

/** Forgets credentials of devices the hub does not know: after a restore of one database without the other. */
async function reconcile(
  hub: Hub,
  clusters: Pick<Clusters, 'nodes'>,
  { broker, log, store }: { readonly store: AccessStore; readonly broker: BrokerSide; readonly log: Log },
): Promise<void> {
  const known = new Set([...hub.fleet().map(({ nodeId }) => nodeId), ...clusters.nodes()])
  for (const { node } of store.credentials()) {
    if (known.has(node)) continue
    log.warn('removes the credential of a device that is not enrolled', { node })
    store.deleteCredential(node)
    await broker.access.revoke(node).catch(() => undefined)
  }
}

/** What was started so far, to be stopped in reverse: also when a later step of the start fails. */
function createCleanup(log: Log): { add(stop: () => Promise<void> | void): void; run(): Promise<void> } {
  const steps: (() => Promise<void> | void)[] = []
  return {
    add: (stop) => void steps.push(stop),
    async run() {
      for (let stop = steps.pop(); stop !== undefined; stop = steps.pop()) {
        try {
          await stop()
        } catch (error) {
          log.error('a part of the hub did not stop cleanly', { why: String(error) })
        }
      }
    },
  }
}

interface Parts {
  readonly settings: ServeSettings
  readonly paths: DataPaths
  readonly hubStore: HubStore
  readonly store: AccessStore
  readonly flowStore: FlowStore | undefined
  readonly tokens: ApiTokens
  readonly people: People
  readonly cleanup: ReturnType<typeof createCleanup>
  /** Where the hub shares its state with others. */
  readonly keeping: Keeping | undefined
}

function openBrokerSide({ keeping, settings, store }: Parts, tls: HubTls, effects: ServerEffects): Promise<BrokerSide> {
  const { broker, brokerPublic, mqtt, trustProxies: proxies } = settings
  return createBrokerSide({
    ...effects,
    store,
    tls,
    administration: (factory) => keeping?.administration(factory) ?? factory,
    mqtt,
    proxies,
    publicHost: publicHost(settings),
    publicPort: publicPort(settings),
    ...(broker === undefined ? {} : { broker }),
    ...(brokerPublic === undefined ? {} : { brokerPublic }),
  })
}

/** A rotation of the root key stands in the audit log from the first start with it on. */
function noteRoot(store: HubStore, roots: HubKeys['roots'], now: number): void {
  const noted = store.value(ROOT_NOTED)
  if (noted !== undefined && !roots.some(({ link: { next } }) => next === noted)) {
    throw new HoldfastError('corrupt', 'the chain of root keys does not lead to the root key that this hub had last', {
      remedy: `Bring ${rootChainFile} back from a backup or from \`keys export\`: devices find the present root key by it.`,
    })
  }
  const link = roots.at(-1)?.link
  if (link === undefined || noted === link.next) return
  const detail = `${keyIdOf(fromBase64(link.next), sha256)} follows ${keyIdOf(fromBase64(link.root), sha256)}`
  store.transaction(() => {
    store.putAudit({ at: now, actor: 'hub', verb: 'rotate', target: `root/${link.serial}`, detail })
    store.putValue(ROOT_NOTED, link.next)
  })
}

/** What the hub proves itself by: to whoever connects, and to devices. */
function openKeys({ hubStore, paths, settings }: Parts, { clock, entropy, log }: ServerEffects) {
  const tls = openTls({ directory: paths.tls, hosts: hostsOf(settings), clock, entropy, log })
  const { signedAuthority, ...keys } = openHubKeys(paths.root, tls.authorityDer, clock)
  noteRoot(hubStore, keys.roots, clock.now())
  return { tls, signedAuthority, keys }
}

/** Broker credentials are those of devices and of agents of clusters; nobody else's are left. */
async function openAgentClusters(
  parts: Parts,
  made: Parameters<typeof openClusters>[1],
  effects: ServerEffects,
): Promise<Clusters> {
  const clusters = openClusters(parts, made, effects)
  parts.cleanup.add(() => clusters.stop())
  await reconcile(made.hub, clusters, { store: parts.store, broker: made.broker, log: effects.log })
  return clusters
}

async function startParts(parts: Parts, effects: ServerEffects): Promise<Pick<Server, 'url' | 'ports'>> {
  const { cleanup, flowStore, hubStore, keeping, paths, people, settings, tokens } = parts
  const { clock, log } = effects
  const releases = openReleases(paths.releases, { log, verify })
  const { trustProxies: proxies } = settings
  const { keys, signedAuthority, tls } = openKeys(parts, effects)
  keeping?.begin()
  const broker = await openBrokerSide(parts, tls, effects)
  let web: HttpsServer | undefined
  // Noted first, so that it runs last: devices on WebSockets still hear the hub's goodbye.
  cleanup.add(() => web?.close())
  cleanup.add(() => broker.close())
  const flowExport = await openExport(settings, () => hub.flowFigures(), effects)
  cleanup.add(() => flowExport?.stop())
  const hub: Hub = createHub(
    {
      ...effects,
      sha256,
      verify,
      deflate,
      ...keys,
      bus: keeping?.bus(broker.bus) ?? broker.bus,
      brokerAccess: broker.access,
      broker: broker.told,
      ...(flowStore === undefined ? {} : { flowStore }),
      flowExport,
      releases,
    },
    hubStore,
  )
  cleanup.add(() => hub.stop())
  await hub.start()
  const clusters = await openAgentClusters(parts, { hub, broker, keys }, effects)
  const events = createEventLog(hub, effects.entropy, clock)
  cleanup.add(() => events.close())
  const app = createApp({
    hub,
    clusters,
    tokens,
    ...people.api,
    events,
    downloads: createDownloads(clock),
    clock,
    log,
    version,
    signedAuthority,
    startedAt: clock.now(),
    url: () => publicUrl(settings, web?.port ?? settings.listen.port),
    unready: () => broker.problem(),
    brokerConnections: () => broker.connections(),
    replica: keeping,
  })
  web = await listenHttps(app, tls, settings.listen, { proxies, clock, log, mqtt: broker.door })
  attachWebSocket(web.server, webSocketPath, broker.door, log)
  clusters.start()
  await broker.open()
  if (settings.kubernetes) cleanup.add(await followCluster(hub, settings, effects, keeping))
  writeCliUrl(paths, settings.listen.host, web.port)
  return { url: publicUrl(settings, web.port), ports: { https: web.port, mqtt: broker.port() ?? web.port } }
}

/** A hub without it is a hub that keeps no flows. */
function tryFlowStore(path: string, { clock, log }: ServerEffects): FlowStore | undefined {
  try {
    return openFlowStore(path, { clock, log })
  } catch (error) {
    log.error('flows of devices are not kept; they wait on the devices', { why: describeError(error) })
    return undefined
  }
}

/** The SDK is loaded by who names a collector. */
async function openExport(
  { otlp }: ServeSettings,
  figures: OtlpOptions['figures'],
  { clock, log }: ServerEffects,
): Promise<FlowExport | undefined> {
  if (otlp === undefined) return undefined
  const { endpoint, headersFile } = otlp
  const headers = headersFile === undefined ? {} : readOtlpHeaders(headersFile)
  const { createOtlpExport } = await import('../otlp/otlp-export.ts')
  return createOtlpExport({ endpoint, headers, version, figures, clock, log })
}

/** `keeping`: where the hub shares its state with other replicas. */
export async function startServer(settings: ServeSettings, effects: ServerEffects, keeping?: Keeping): Promise<Server> {
  const { clock, entropy, log } = effects
  const paths = dataPaths(settings.data)
  const cleanup = createCleanup(log)
  cleanup.add(lockDirectory(paths))
  try {
    refuseLostDatabase(paths)
    const hubStore = openHubStore(paths.hubDb, log, (db) => keeping?.follow('hub', db))
    cleanup.add(() => hubStore.close())
    refuseLostKeys(paths, hubStore)
    const store = openAccessStore(paths.accessDb, (db) => keeping?.follow('access', db))
    cleanup.add(() => store.close())
    const tokens = createApiTokens(store, clock, entropy)
    let reached = publicUrl(settings, settings.listen.port)
    const people = openPeople(paths, tokens, settings, () => reached, effects)
    cleanup.add(() => people.close())
    const flowStore = tryFlowStore(paths.flowsDb, effects)
    cleanup.add(() => flowStore?.close())
    const parts: Parts = { settings, paths, hubStore, store, flowStore, tokens, people, cleanup, keeping }
    const { ports, url } = await startParts(parts, effects)
    reached = url
    const firstToken = openLocalAccess(paths, tokens, hubStore, clock.now())
    log.info('hub is up', { url, version, data: paths.root })
    return { url, ports, paths, firstToken, stop: () => cleanup.run() }
  } catch (error) {
    await cleanup.run()
    throw error
  }
}
