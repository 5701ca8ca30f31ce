// The broker as the hub sees it, embedded or outside: one shape, so that the rest of the hub does not ask which it is.

import type { Bus, BusFactory, Clock, Entropy, Log } from '../../shared/effects.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import { base32 } from '../../shared/ids.ts'
import { brokerClientsMax, hubConnectionsPerSourceMax } from '../../shared/limits.ts'
import { hubServerName } from '../../shared/wire/enrol.ts'
import type { AccessStore } from '../access/access-store.ts'
import { createBridge } from '../broker/bridge.ts'
import { dialBroker, foreignAuthority, parseBrokerUrl } from '../broker/dial.ts'
import { createEmbeddedBroker } from '../broker/embedded.ts'
import { listenMqtt, type MqttDoor, type MqttListener } from '../broker/listener.ts'
import { createMosquittoBroker } from '../broker/mosquitto.ts'
import type { BrokerAccess } from '../broker-access.ts'
import type { HubOptions } from '../hub.ts'
import type { HubTls } from '../tls/authority.ts'
import type { ListenAddress } from './address.ts'
import { type DoorOptions, keepDoor } from './doorkeeper.ts'

export const webSocketPath = '/mqtt'
/** Devices assume this port beside the hub's address, so it need not be told. */
const MQTT_PORT = 8_883
/** Messages of the hub that may wait: a snapshot for each of a hundred agents that come back at once. */
const HUB_QUEUE_MAX = 16_384
/** The hub's own link must not wait for minutes: the broker is beside it, and the whole fleet waits along. */
const HUB_BACKOFF_MS_MAX = 5_000

export interface BrokerSide {
  readonly access: BrokerAccess
  readonly bus: BusFactory
  readonly door: MqttDoor
  /** What devices are told. */
  readonly told: HubOptions['broker']
  readonly problem: () => string | undefined
  /** Undefined where an outside broker counts its own. */
  readonly connections: () => number | undefined
  /** Of MQTT alone, here; undefined where it has none. */
  readonly port: () => number | undefined
  /** Opens the doors to devices; the hub has said its heads by now. */
  open(): Promise<void>
  close(): Promise<void>
}

export interface BrokerSideOptions {
  readonly store: AccessStore
  readonly tls: HubTls
  /** Undefined where MQTT has no port of its own but the one of HTTPS. */
  readonly mqtt: ListenAddress | undefined
  /** Port that devices reach HTTPS at. */
  readonly publicPort: number
  /** Whose word on the source of a connection is taken. */
  readonly proxies: DoorOptions['proxies']
  /** Host that devices reach the hub at. */
  readonly publicHost: string
  readonly broker?: string
  /** URL of the outside broker as devices reach it, where that differs. */
  readonly brokerPublic?: string
  /** Stands around the connection that administers the outside broker. */
  readonly administration?: ((factory: BusFactory) => BusFactory) | undefined
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

function brackets(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** A bus per call, each with a client id of its own: a broker throws out the older of two that share one. */
function busFactory(
  options: BrokerSideOptions,
  connect: Parameters<typeof createMqttBusFactory>[0]['connect'],
  credentials: { readonly username?: string; readonly password?: string } = {},
): BusFactory {
  const { clock, entropy, log } = options
  return (bus): Bus =>
    createMqttBusFactory({
      connect,
      clientId: `hub-${base32(entropy.bytes(10), 16)}`,
      ...credentials,
      queueMax: HUB_QUEUE_MAX,
      backoff: ({ failures }, fraction) => fraction * Math.min(HUB_BACKOFF_MS_MAX, 250 * 2 ** Math.min(failures, 8)),
      clock,
      entropy,
      log,
    })(bus)
}

async function embedded(options: BrokerSideOptions): Promise<BrokerSide> {
  const { clock, log, mqtt, proxies, publicHost, publicPort, store, tls } = options
  const broker = await createEmbeddedBroker({ store, clock, log })
  let listener: MqttListener | undefined
  return {
    access: broker.access,
    bus: busFactory(options, () => broker.connect()),
    door: broker,
    told: {
      // Asked at each enrolment, because the kernel may have chosen the port.
      get url() {
        const port = mqtt === undefined ? publicPort : (listener?.port ?? mqtt.port)
        return port === MQTT_PORT ? '' : `mqtts://${brackets(publicHost)}:${port}`
      },
      webSocketPath,
    },
    problem: () => undefined,
    connections: () => broker.connections(),
    port: () => listener?.port,
    async open() {
      if (mqtt === undefined) return log.info('MQTT shares the port of HTTPS')
      const bounds = { max: brokerClientsMax, perSourceMax: hubConnectionsPerSourceMax, proxies, clock, log }
      listener = await listenMqtt({ broker, tls, at: mqtt, log, guard: (server) => keepDoor(server, bounds) })
      log.info('broker listens', { host: mqtt.host, port: listener.port })
    },
    async close() {
      const farewell = broker.close()
      await listener?.close(farewell)
      await farewell
    },
  }
}

function outside(url: string, options: BrokerSideOptions): BrokerSide {
  const { clock, log, store, tls } = options
  const address = parseBrokerUrl(url)
  const authority = foreignAuthority(address, tls.authorityDer)
  const serverName = address.authority !== undefined && authority === undefined ? hubServerName : undefined
  const dial = () => dialBroker(address, serverName)
  const bus = busFactory(options, dial, address)
  const administrator = options.administration?.(bus) ?? bus
  const mosquitto = createMosquittoBroker({ bus: administrator, username: address.username, store, clock, log })
  const told = options.brokerPublic ?? `mqtts://${brackets(address.host)}:${address.port}`
  return {
    access: mosquitto.access,
    bus,
    door: createBridge(dial, log),
    told: { url: told, webSocketPath, ...(authority === undefined ? {} : { tlsAuthority: authority }) },
    problem: () => mosquitto.problem(),
    connections: () => undefined,
    port: () => undefined,
    async open() {
      // Not awaited: a hub that starts before its broker still serves the API, and says what it waits for.
      void mosquitto.start()
    },
    close: () => mosquitto.close(),
  }
}

export async function createBrokerSide(options: BrokerSideOptions): Promise<BrokerSide> {
  return options.broker === undefined ? embedded(options) : outside(options.broker, options)
}
