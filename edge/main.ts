// `holdfast`: where the agent meets the machine. The only place that makes drivers, and the only one that ends the process.

import type { Log } from '../shared/effects.ts'
import { systemClock, systemEntropy } from '../shared/host/clock.ts'
import { giveBackMemory } from '../shared/host/give-back.ts'
import { createLog } from '../shared/host/log.ts'
import { allSaid, fallQuietly, stayAwake, whenAskedToStop } from '../shared/host/process.ts'
import { type Doors, runCli } from './cli/run.ts'
import { createRunner } from './drivers/command.ts'
import { hostNamespace, type Namespace } from './drivers/namespace.ts'
import { commandsBy } from './host/command.ts'
import { readConfigFile } from './host/config-file.ts'
import { isUdpPortFree } from './host/listen-port.ts'
import { findPlace, furtherName, parseAttached } from './host/networks.ts'
import { ownAddresses } from './host/own-addresses.ts'
import { hostProbe } from './host/probe.ts'
import { controlPortOf, namesPortOf, type PortedSettings, proxyOf, type Settings } from './host/settings.ts'
import type { NameDoors, NameServer, NameServerOptions } from './names/doors.ts'
import type { HostResolver } from './names/wiring/doors.ts'
import type { ClusterDoor } from './pods/doors.ts'
import type { RouterDoors } from './portmap/doors.ts'
import type { OpenEchoes } from './routers/echoes.ts'
import type { FindWayOut } from './uplinks/way-out.ts'

const { env } = process

async function openRouterDoors(log: Log): Promise<RouterDoors> {
  const { createRouterDoors } = await import('./drivers/router-doors.ts')
  return createRouterDoors(log)
}

async function createHubWay({ nat64 }: Settings, log: Log): Promise<FindWayOut | undefined> {
  const { readUplinkRoutes } = await import('./drivers/default-routes.ts')
  const { resolveIpv6 } = await import('./host/resolve.ts')
  const way = await import('./host/hub-way.ts')
  const options = { nat64, ask: resolveIpv6, routes: readUplinkRoutes, blocks: way.ownBlocks }
  return way.createHubWay({ ...options, clock: systemClock, log })
}

async function openCluster(source: string): Promise<ClusterDoor> {
  const { createClusterDoor } = await import('./drivers/cluster-door.ts')
  const { readClusterAccess } = await import('./host/cluster-access.ts')
  return createClusterDoor(() => readClusterAccess(source, env), systemClock)
}

type Where = Pick<Settings, 'interface' | 'network' | 'state'>

const further = new Map<string, Promise<Namespace>>()

/** Where the mesh side of a network is: one of its own for each but the first. */
async function insideOf({ network }: Where, log: Log): Promise<Namespace> {
  if (network === undefined) return hostNamespace(createRunner(log))
  const name = furtherName(network)
  const known = further.get(name)
  if (known !== undefined) return await known
  const open = async (): Promise<Namespace> => {
    const { findBpfProgram } = await import('./drivers/bpf-program.ts')
    const { openOwnNamespace } = await import('./drivers/own-namespace.ts')
    const run = createRunner(log)
    return await openOwnNamespace({ name, program: findBpfProgram(), run, clock: systemClock, log })
  }
  const opened = open()
  further.set(name, opened)
  opened.catch(() => further.delete(name))
  return await opened
}

/** Undefined for the first one. */
function placeOf({ network, state }: Where): number | undefined {
  return network === undefined ? undefined : findPlace(state)
}

/** Absent in a build without the program that asks. */
async function echoesOf(inside: Namespace, name: string, log: Log): Promise<OpenEchoes | undefined> {
  const { findBpfProgram } = await import('./drivers/bpf-program.ts')
  const program = findBpfProgram()
  if (program === undefined) return undefined
  return async (onAnswer) => {
    const { createEchoAsker } = await import('./drivers/echo-asker.ts')
    return createEchoAsker({ program, interface: name, clock: systemClock, log, onAnswer, words: inside.words })
  }
}

async function openHostResolver(settings: Settings, log: Log): Promise<HostResolver> {
  const { createHostResolver } = await import('./drivers/host-resolver.ts')
  return createHostResolver({ interface: settings.interface, run: createRunner(log) })
}

async function openNames(inside: Namespace, options: NameServerOptions): Promise<NameServer> {
  const server = (await import('./drivers/name-server.ts')).createNameServer(options, inside)
  return {
    ...server,
    async follow(addresses) {
      await server.follow(addresses)
      inside.tellNames?.(addresses)
    },
  }
}

function namesDoors(inside: Namespace, settings: PortedSettings, log: Log): NameDoors {
  const isOff = settings.names === 'off'
  return {
    port: namesPortOf(settings),
    open: isOff ? undefined : (named) => openNames(inside, named),
    ask: async (...asked) => (await import('./drivers/name-asker.ts')).nameAsker(inside)(...asked),
    local: ownAddresses,
    // Programs of the host know nothing of the names of a further network.
    ...(inside.name === undefined
      ? { host: { choice: isOff ? 'off' : settings.dns, open: () => openHostResolver(settings, log) } }
      : {}),
  }
}

const doors: Doors = {
  write: (text) => void process.stdout.write(text),
  note: (sentence) => void process.stderr.write(`${sentence}\n`),
  env,
  clock: systemClock,
  entropy: systemEntropy,
  createRun: (log) => commandsBy(createRunner(log)),
  probe: hostProbe(env),
  createLog: ({ logLevel, logFormat }) => {
    // Set by systemd where standard error goes to the journal, systemd.exec(5).
    const format = logFormat === 'auto' ? (env['JOURNAL_STREAM'] === undefined ? 'text' : 'journal') : logFormat
    return createLog({ level: logLevel, format, now: () => systemClock.now() })
  },
  createDriver: async (settings, files, log) => {
    const { createKernelDriver } = await import('./drivers/kernel.ts')
    const run = createRunner(log)
    return createKernelDriver({
      interface: settings.interface,
      privateKeyPath: files.wgKey,
      exitPath: files.exit,
      run,
      inside: await insideOf(settings, log),
      place: placeOf(settings),
      attach: settings.attach.map(parseAttached),
      log,
      clock: systemClock,
      policyDriver: settings.policyDriver,
      countsFlows: settings.flows !== 'off',
    })
  },
  openInside: insideOf,
  createPathDoors: async (settings, files, log, out) => {
    const { createControlSocket } = await import('./drivers/control-socket.ts')
    const { createBeaconSocket } = await import('./drivers/beacon-socket.ts')
    const { createGossipDoor } = await import('./drivers/gossip-door.ts')
    const { createWireguardDoor } = await import('./drivers/wireguard-door.ts')
    const { readDefaultRoutes, readUplinkRoutes } = await import('./drivers/default-routes.ts')
    const { interface: name, listenPort } = settings
    const ports = { listenPort, controlPort: controlPortOf(settings) }
    const inside = await insideOf(settings, log)
    return {
      beacons: createBeaconSocket(settings.lanPort, log),
      gossip: (self) =>
        createGossipDoor({
          ...self,
          meshPort: settings.meshPort,
          inside,
          onlyCalls: inside.name !== undefined,
          lanPort: settings.lan ? settings.lanPort : undefined,
        }),
      socket: createControlSocket({ ...ports, clock: systemClock, entropy: systemEntropy, log }),
      wireguard: createWireguardDoor({
        interface: name,
        listenPort,
        privateKeyPath: files.wgKey,
        clock: systemClock,
        run: createRunner(log),
        inside,
      }),
      mirror: async () => {
        const { findBpfProgram } = await import('./drivers/bpf-program.ts')
        return (await import('./drivers/mirror.ts')).createMirrorDriver(inside.run, findBpfProgram())
      },
      pods:
        settings.kubernetes === undefined
          ? undefined
          : {
              source: settings.kubernetes,
              node: settings.kubernetesNode,
              open: async () => openCluster(settings.kubernetes ?? ''),
            },
      names: namesDoors(inside, settings, log),
      asks: {
        services: {
          listening: async (wanted) => (await import('./drivers/listening.ts')).readListening(wanted, inside.procNet),
          openGate: async () => (await import('./drivers/gate.ts')).openGate(systemClock, log, inside.words),
          ask: async (question, timeoutMs) =>
            (await import('./drivers/backend-probe.ts')).askBackend(question, timeoutMs, systemClock, inside),
          end: async (gone) => {
            const { findBpfProgram } = await import('./drivers/bpf-program.ts')
            const { endConnections } = await import('./drivers/end-connections.ts')
            await endConnections(gone, findBpfProgram(), inside.run, log)
          },
        },
        echoes: await echoesOf(inside, name, log),
      },
      portMapping: { routes: readDefaultRoutes, router: () => openRouterDoors(log) },
      uplinks: {
        routes: readUplinkRoutes,
        steering: async () =>
          (await import('./drivers/steering.ts')).createSteeringDriver(createRunner(log), placeOf(settings)),
        openProbe: async (local, onMessage) =>
          (await import('./drivers/probe-socket.ts')).openProbe(local, log, onMessage),
        knock: async (local, to, timeoutMs) => (await import('./drivers/probe-socket.ts')).knock(local, to, timeoutMs),
      },
      // Few hosts ever need them.
      tls: {
        dial: async (target, events) =>
          (await import('./drivers/tls-dial.ts')).dialTlsRelay({ ...target, proxy: proxyOf(settings), out }, events),
        loopback: async (onPacket) => (await import('./drivers/loopback.ts')).openLoopback(listenPort, log, onPacket),
      },
    }
  },
  createHostResolver: openHostResolver,
  createHubWay,
  createRouterDoors: openRouterDoors,
  isPortFree: isUdpPortFree,
  createForwarder: async (options, log) => {
    const { createFastForwarder } = await import('./drivers/relay-forwarder-fast.ts')
    return createFastForwarder({ ...options, clock: systemClock, log, run: createRunner(log) })
  },
  whyNoShortcut: async (log) => (await import('./drivers/relay-shortcut.ts')).whyNoShortcut(createRunner(log)),
  lookAtXdp: async (log) => (await import('./drivers/relay-shortcut.ts')).lookAtXdp(createRunner(log)),
  lookAtPolicy: async (settings, log) => {
    const { lookAtBpfPolicy } = await import('./drivers/bpf-policy.ts')
    return lookAtBpfPolicy((await insideOf(settings, log)).run, settings.interface)
  },
  closePolicy: async (settings, files, log) => {
    const inside = await insideOf(settings, log)
    await (await import('./drivers/exit.ts')).closeExit(inside.run, files.exit)
    return (await import('./drivers/policy.ts')).closePolicy(inside.run, settings, inside.id())
  },
  createAgent: async (options) => {
    const { createAgent } = await import('./create-agent.ts')
    giveBackMemory(systemClock)
    return createAgent(options)
  },
  stopRequested: whenAskedToStop,
  readConfigFile,
}

// A function, for a single executable's program is CommonJS, which awaits nothing at its top.
async function main(): Promise<void> {
  fallQuietly('holdfast', env['HOLDFAST_LOG_LEVEL'] === 'debug', (status) => process.exit(status))
  const sleep = stayAwake()
  const code = await runCli(process.argv.slice(2), doors)
  await allSaid()
  sleep()
  process.exit(code)
}

void main()
