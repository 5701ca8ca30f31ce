// The agent's process: opens the doors of the host, runs the agent between them, and closes them in reverse.
//
// Only what the mesh can't do without may keep it from starting. The local API, the echo service and systemd are
// conveniences: where one of them fails, it is said, and the mesh goes on.

import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { programDirectory } from '../../shared/host/carried.ts'
import { hkdf, openAead, sealAead, sha256, verify } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { inflate } from '../../shared/host/inflate.ts'
import type { FindOut } from '../../shared/host/pinned-tls.ts'
import { processCost } from '../../shared/host/process.ts'
import { version } from '../../shared/version.ts'
import type { Agent, AgentOptions, AgentSettings } from '../agent.ts'
import type { Driver } from '../drivers/driver.ts'
import type { Sockets } from '../drivers/namespace.ts'
import type { DeviceKeys } from '../enrol/device-keys.ts'
import type { GossipSelf } from '../gossip/doors.ts'
import type { Identity } from '../identity.ts'
import { localRoutes } from '../local/routes.ts'
import { type LocalServer, serveLocal } from '../local/server.ts'
import { listenForScrapes, type MetricsListener } from '../metrics/listener.ts'
import { createMetrics } from '../metrics/metrics.ts'
import type { PathTalk } from '../paths/path-talk.ts'
import { createPathTalk } from '../paths/talk.ts'
import { outsideTableOf } from '../plan/nft.ts'
import type { Forwarder } from '../relay/forwarder.ts'
import type { RulesetOptions } from '../relay/ruleset.ts'
import { type OpenedStore, openStore } from '../store/sqlite.ts'
import type { UpdateDoors } from '../update/doors.ts'
import type { FindWayOut, WayOut } from '../uplinks/way-out.ts'
import type { RunCommand } from './command.ts'
import { createConfirmDoors } from './confirm-doors.ts'
import { type Enrolled, enrolled } from './enrolled.ts'
import type { StateFiles } from './files.ts'
import { createFindings, type HostFindings } from './findings.ts'
import { flowDoors } from './flow-doors.ts'
import { followProgram } from './follow-program.ts'
import { withFreePort } from './free-port.ts'
import { openHostRelay } from './host-relay.ts'
import { createHubBus } from './hub-bus.ts'
import { keepInterfaceName } from './interface-name.ts'
import { openKeyFiles } from './key-files.ts'
import { lockState } from './lock.ts'
import { openLockFile } from './lock-file.ts'
import { createMeshPort, type MeshPort } from './mesh-port.ts'
import { withOrders } from './order-doors.ts'
import { isPublic, notePublic } from './own-port.ts'
import { describeHost, type HostProbe } from './probe.ts'
import { openProgramHome } from './program-home.ts'
import { controlPortOf, idleBudgetOf, metricsAt, type PortedSettings, type Settings } from './settings.ts'
import { keepTelling, statusLine } from './status-line.ts'
import { createStreamCount } from './stream-count.ts'
import { createNotifier } from './systemd.ts'
import { raiseClock } from './time-floor.ts'
import { type HostPathDoors, openWaysOut } from './ways-out.ts'

export interface RunAgentOptions extends Pick<AgentOptions, 'commands'> {
  readonly settings: Settings
  readonly files: StateFiles
  readonly env: Readonly<Record<string, string | undefined>>
  readonly pid: number
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly run: RunCommand
  readonly probe: HostProbe
  readonly createDriver: (settings: Settings, files: StateFiles, log: Log) => Promise<Driver>
  /** `out`: by which uplink connections leave. */
  readonly createPathDoors: (
    settings: PortedSettings,
    files: StateFiles,
    log: Log,
    out: FindOut,
  ) => Promise<HostPathDoors>
  /** Makes sockets where the mesh is; the host's own where absent. */
  readonly openInside?: (settings: Settings, log: Log) => Promise<Pick<Sockets, 'bindUdp'>>
  /** True if nobody has the UDP port, in either family. */
  readonly isPortFree: (port: number) => Promise<boolean>
  readonly createForwarder: (options: RulesetOptions, log: Log) => Promise<Forwarder>
  readonly createAgent: (options: AgentOptions) => Promise<Agent>
  /** Resolves with the reason when somebody asks the process to end. */
  readonly stopRequested: () => Promise<string>
}

const judging = { sha256, verify, inflate }
const sealing = { hkdf, seal: sealAead, open: openAead }

function talkWith(keys: DeviceKeys, clock: Clock, entropy: Entropy): PathTalk {
  return createPathTalk({ self: keys, crypto: { ...sealing, sha256 }, clock, entropy })
}

/** What leads from the agent to things that are made after it. */
type Wires = Pick<MeshPort, 'answers' | 'datagrams' | 'nudge'> &
  Required<Pick<AgentOptions, 'onPublic'>> & { readonly update: UpdateDoors | undefined }

function selfOf(
  { clock, entropy, log }: RunAgentOptions,
  { deviceFiles, identity }: Enrolled,
): Omit<GossipSelf, 'datagrams'> {
  return { network: identity.network.id, self: identity.nodeId, signer: deviceFiles.signer, clock, entropy, log }
}

function agentSettings(settings: PortedSettings, probe: HostProbe): AgentSettings {
  const { interface: name, listenPort, meshPort } = settings
  const controlPort = controlPortOf(settings)
  const outsideTable = settings.network === undefined ? undefined : outsideTableOf(name)
  return { interface: name, outsideTable, listenPort, controlPort, meshPort, version, host: describeHost(probe) }
}

type Wanted = Pick<AgentOptions, 'lan' | 'portMapping' | 'uplinks'>

/** What a device may be told to do without. */
function wantedOf(settings: Settings, { beacons, portMapping, uplinks }: HostPathDoors, wayOut: WayOut): Wanted {
  return {
    ...(settings.lan ? { lan: { socket: beacons, crypto: sealing } } : {}),
    ...(settings.portMapping === 'auto' ? { portMapping } : {}),
    ...(settings.uplinks === 'auto' ? { uplinks: { ...uplinks, wayOut } } : {}),
  }
}

async function makeAgent(
  options: RunAgentOptions,
  device: Enrolled,
  opened: OpenedStore,
  findings: HostFindings,
  { answers, datagrams, nudge, ...handed }: Wires,
): Promise<Agent> {
  const { files, clock, entropy, log, probe } = options
  const { deviceFiles, identity, keys } = device
  const count = createStreamCount()
  const kernel = await options.createDriver(options.settings, files, log)
  const settings = await withFreePort(options, device, kernel, opened, findings)
  const open = (out: FindWayOut): Promise<HostPathDoors> => options.createPathDoors(settings, files, log, out)
  const { store } = opened
  const ways = await openWaysOut({ ...options, nat64: settings.nat64, kernel, open, store })
  const { made, nat64, out, wayOut, ...led } = ways
  const { asks, gossip, mirror, names, pods, socket, tls, wireguard } = made
  return await options.createAgent({
    identity,
    settings: agentSettings(settings, probe),
    wgKey: keys.wgKey,
    keyFiles: openKeyFiles(files, clock),
    signer: deviceFiles.signer,
    deviceFiles,
    clock,
    entropy,
    log,
    ...judging,
    store: opened.store,
    lockFile: openLockFile(files.membershipLock),
    rootFile: openLockFile(files.rootPin),
    ...led,
    paths: { socket, tls, wireguard, nat64, talk: talkWith(keys, clock, entropy), metered: settings.metered, nudge },
    confirm: createConfirmDoors(settings, identity, options.run, answers),
    ...wantedOf(settings, made, wayOut),
    uplinkMbps: settings.uplinkMbps,
    ...(settings.flows === 'off' ? {} : { flows: flowDoors(settings, files) }),
    mirror,
    names,
    pods,
    ...asks,
    commands: options.commands,
    gossip: { door: gossip({ ...selfOf(options, device), datagrams }), deflate },
    openRelay: (duty) => (settings.network === undefined ? openHostRelay(options, duty, tls) : refuseRelay()),
    bus: createHubBus({
      ...options,
      identity,
      store: opened.store,
      count,
      out,
      onCertificate: (expired) => findings.set('hub-certificate-expired', expired),
    }),
    upkeep: { budgetBytesPerDay: idleBudgetOf(settings), hubBytes: () => count.bytes() },
    hostConditions: () => findings.list(),
    raiseClock: (floor) => raiseClock({ floor, clock, log, allowed: settings.setClock, run: options.run }),
    ...withOrders(handed, options, opened.store, out),
    ...(opened.rebuilt === undefined ? {} : { databaseRebuilt: opened.rebuilt }),
  })
}

/** What forwards for others is one for the whole host, and so are its ports. */
async function refuseRelay(): Promise<never> {
  throw new HoldfastError('unsupported', 'a further network of a device does not relay', {
    remedy: 'Take relay out of the node’s spec, or let a device relay whose first network this is.',
  })
}

/** Why the agent begins again in this very process. */
const ANOTHER_PORT = 'the port of WireGuard is another: the public endpoint came or went'
/** Why it ends, for the starter to start another version of it. */
const ANOTHER_VERSION = 'another version is to be started'

/** Asks the supervisor for a restart; the units name it (sysexits.h: EX_TEMPFAIL). */
const RESTART_CODE = 75

/** Runs until asked to stop; returns the exit code. The kernel is left as it is: traffic goes on without the agent. */
export async function runAgent(options: RunAgentOptions): Promise<number> {
  const asked = options.stopRequested()
  for (;;) {
    const why = await runOnce(options, asked)
    if (why !== ANOTHER_PORT) return why === ANOTHER_VERSION ? RESTART_CODE : 0
  }
}

/** Returns the reason why it ended. */
async function runOnce(options: RunAgentOptions, asked: Promise<string>): Promise<string> {
  const { files, clock, log } = options
  const device = enrolled(options)
  const lock = lockState(files.lock, log)
  const closers: (() => unknown)[] = [() => lock.release()]
  try {
    const opened = openStore(files.database, { log })
    closers.push(() => opened.store.close())
    keepInterfaceName(opened.store, options.settings.interface, log)
    const findings = createFindings(clock)
    const inside = await options.openInside?.(options.settings, log)
    const meshPort = createMeshPort({ ...options, port: options.settings.meshPort, inside })
    const stop = Promise.withResolvers<string>()
    const startedPublic = isPublic(device.identity.name, opened.store)
    const onPublic = (now: boolean): void => {
      notePublic(opened.store, now)
      if (now !== startedPublic && options.settings.listenPort === undefined) stop.resolve(ANOTHER_PORT)
    }
    const again = (): void => stop.resolve(ANOTHER_VERSION)
    // What runs on this host is decided in its first network.
    const isFirst = options.settings.network === undefined
    const update = isFirst ? openProgramHome(options.env, log, again) : undefined
    if (!isFirst) closers.push(followProgram(programDirectory(), clock, again))
    const agent = await makeAgent(options, device, opened, findings, { ...meshPort, onPublic, update })
    const echo = meshPort.echoOf(agent)
    // Before the first turn: a start that hangs is when people look.
    const metrics = createMetrics({ agent, cost: processCost, clock, log })
    const ask = (): void => stop.resolve('asked to by the local API')
    const doors = { agent, store: opened.store, echo, clock, metrics, stop: ask }
    const local = await serve(files.socket, doors, log)
    const scraped = scrapable(options, metrics)
    closers.push(
      () => agent.stop(),
      () => local?.close(),
      () => scraped?.close(),
      () => echo.close(),
    )
    await agent.start()
    echo.start()
    return await untilStopped(options, device.identity, agent, Promise.race([asked, stop.promise]), closers)
  } finally {
    for (const close of closers.toReversed()) await closeQuietly(close, log)
  }
}

function scrapable(
  { clock, log, settings }: RunAgentOptions,
  text: () => Promise<string>,
): MetricsListener | undefined {
  const at = metricsAt(settings)
  return at === undefined ? undefined : listenForScrapes({ ...at, text, clock, log })
}

async function closeQuietly(close: () => unknown, log: Log): Promise<void> {
  try {
    await close()
  } catch (error) {
    log.warn('something did not close', { why: describeError(error) })
  }
}

async function untilStopped(
  options: RunAgentOptions,
  { name, network }: Identity,
  agent: Agent,
  asked: Promise<string>,
  closers: (() => unknown)[],
): Promise<string> {
  const { clock, log, env, pid, run } = options
  const notifier = createNotifier({ env, pid, clock, log, run })
  notifier.ready(statusLine(agent))
  closers.push(() => notifier.close(), keepTelling(agent, notifier, clock))
  log.info('the agent runs', { node: name, network: network.name, version })
  const why = await asked
  log.info('the agent stops; the kernel stays as it is', { why })
  if (why !== ANOTHER_PORT) notifier.stopping()
  return why
}

async function serve(
  socket: string,
  doors: Parameters<typeof localRoutes>[0],
  log: Log,
): Promise<LocalServer | undefined> {
  try {
    return await serveLocal(socket, localRoutes(doors), log)
  } catch (error) {
    log.error('no local API; the mesh goes on without', { why: describeError(error) })
    return undefined
  }
}
