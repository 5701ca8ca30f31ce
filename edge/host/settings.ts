// Settings of one device: defaults, then the config file, then HOLDFAST_* of the environment, then flags; the last wins.

import * as v from 'valibot'
import { hostOf, parseEndpoint, portOf } from '../../shared/address/endpoint.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { type HttpProxy, parseProxy } from '../../shared/host/http-proxy.ts'
import { integer, namedEndpoint, port } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { confirmNotedMax } from '../../shared/limits.ts'
import { nat64Setting } from '../nat64/setting.ts'
import type { HubBehind } from '../relay/tls-pass.ts'
import { isClusterPlace } from './cluster-place.ts'
import { defaultStateDir } from './files.ts'
import { ofNetwork, withNetwork } from './further-settings.ts'
import { attached, attachedMax, localNetwork } from './networks.ts'
import { publicPort } from './own-port.ts'
import { parseProbeTarget } from './probe-target.ts'

const interfaceName = v.pipe(
  v.string(),
  v.regex(/^[a-zA-Z0-9_.-]{1,15}$/, 'is not the name of an interface: use up to 15 letters, digits, "-", "_" and "."'),
)
/** Public keys that releases of the program are signed with. */
const defaultReleaseKeys = '/etc/holdfast/release-keys.pem'
const path = v.pipe(v.string(), v.regex(/^\//, 'is not an absolute path'))

/** True for text that the parser takes. */
function parsesBy(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text)
      return true
    } catch {
      return false
    }
  }
}

export const settingsSchema = v.strictObject({
  /** State directory. */
  state: v.optional(path, defaultStateDir),
  /** A further network of this device, by the name that it has here; the first one where absent. */
  network: v.optional(localNetwork),
  /** Interfaces of this host that are that network's alone, with their addresses there: `eth0.20=192.168.20.1/24`. */
  attach: v.optional(v.pipe(v.array(attached), v.maxLength(attachedMax)), []),
  /** `hf0`, and that of a further network by its name. */
  interface: v.optional(interfaceName, 'hf0'),
  /** UDP port of WireGuard; where absent, 51820 with a public endpoint, else one of the node's own. */
  listenPort: v.optional(port),
  /** UDP port of the path engine on this host; where absent, the one above WireGuard's. Never seen outside. */
  controlPort: v.optional(port),
  /** UDP port of the agent itself, inside the mesh. */
  meshPort: v.optional(port, 51_822),
  /** UDP port of beacons, the same on all devices of a network. */
  lanPort: v.optional(port, 51_823),
  /** Answer for the names of the mesh, at the node's addresses inside it. */
  names: v.optional(v.picklist(['on', 'off']), 'on'),
  /**
   * UDP and TCP port of that, 51824 where absent and nothing else of ours is there; not 53, so that no name server of this host
   * is in the way, or stood in the way of.
   */
  namesPort: v.optional(port),
  /**
   * Tell whoever answers names on this host that those of the mesh are answered here: found out, or one of them; `file` is
   * /etc/resolv.conf.
   */
  dns: v.optional(v.picklist(['auto', 'off', 'resolved', 'dnsmasq', 'networkmanager', 'file']), 'auto'),
  /** Find the other nodes of a LAN by beacons; off where this host must not shout. */
  lan: v.optional(v.boolean(), true),
  /** Ask the router in front of this host for an outside port. */
  portMapping: v.optional(v.picklist(['auto', 'off']), 'auto'),
  /** Go by another uplink of this host where the one it prefers lets nothing through. */
  uplinks: v.optional(v.picklist(['auto', 'off']), 'auto'),
  /** Prefix of the translator by which a network of IPv6 alone leads to IPv4 (RFC 6052); asked of the network where `auto`. */
  nat64: v.optional(nat64Setting, 'auto'),
  /** What enforces policy: programs in the kernel where it takes them, or nft everywhere. */
  policyDriver: v.optional(v.picklist(['auto', 'nft']), 'auto'),
  /**
   * Keep on record who talked with whom through the mesh, and bring it to the hub; `local`: it stays on this device; where off,
   * flows are not even counted.
   */
  flows: v.optional(v.picklist(['on', 'local', 'off']), 'on'),
  /** Where it is there, only releases that one of its keys has signed are taken. */
  releaseKeys: v.optional(path, defaultReleaseKeys),
  /** Run the versions that the hub rolls out, where a release key laid here has signed them. */
  hubUpdates: v.optional(v.picklist(['on', 'off']), 'on'),
  /** What is done when the hub says so: `look` is ping, netcheck and the support bundle; `on` another WireGuard key, too. */
  commands: v.optional(v.picklist(['on', 'look', 'off']), 'on'),
  /** Seconds over which devices that are told at once spread their downloads; where absent, 60, on a metered uplink an hour. */
  updateSpreadS: v.optional(integer(0, 86_400)),
  logLevel: v.optional(v.picklist(['debug', 'info', 'warn', 'error']), 'info'),
  logFormat: v.optional(v.picklist(['auto', 'text', 'json', 'journal']), 'auto'),
  /** Raise the clock to the time floor at start; off where the host owns time. */
  setClock: v.optional(v.boolean(), true),
  /** Where a Prometheus may scrape this node, `127.0.0.1:9586`; nowhere where absent. Whoever gets there may read it all. */
  metrics: v.optional(v.pipe(v.string(), v.check(parsesBy(parseEndpoint), 'is not like 127.0.0.1:9586 or [::1]:9586'))),
  /** The cluster whose pods lie behind this node: `in-cluster`, the path of a kubeconfig, or a URL; none where absent. */
  kubernetes: v.optional(
    v.pipe(
      v.string(),
      v.check(
        isClusterPlace,
        'is neither in-cluster, the path of a kubeconfig, nor a URL: https://, or http:// on this very host',
      ),
    ),
  ),
  /** Name of this host as a node of that cluster: its pods alone are read. */
  kubernetesNode: v.optional(
    v.pipe(v.string(), v.regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, 'is no name of a node')),
  ),
  /** Spare an uplink that is paid by the byte. */
  metered: v.optional(v.boolean(), false),
  /** Mbit/s that go out by the uplink, where people know; the hub tells schedulers of it. */
  uplinkMbps: v.optional(integer(1, 1_000_000)),
  /** The site's only way out, for hub and relays: `http://proxy:3128`, with `user:password@` where it asks. */
  proxy: v.optional(v.pipe(v.string(), v.check(parsesBy(parseProxy), 'is not like http://proxy.example.org:3128'))),
  /** A hub on or behind this host, `127.0.0.1:8443`: what comes to the TLS relay's port and is not for it goes there. */
  hubBehind: v.optional(namedEndpoint),
  /** Bytes a day that may go into being reachable while nobody uses this device; where absent, 2 MB on a metered uplink. */
  idleBudgetBytesPerDay: v.optional(integer(100_000, 1_000_000_000_000)),
  /** Seconds between signs of life to the broker; where absent, 60, and 240 on a metered uplink. */
  keepaliveS: v.optional(integer(10, 3_600)),
  /** Seconds that a new revision is watched before it counts as good; 0 takes every one at its word. */
  confirmS: v.optional(integer(0, 600), 30),
  /** What is watched meanwhile, beside the network: `tcp:10.0.0.5:502`, `ping:10.0.0.1`. */
  confirmProbes: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.check(parsesBy(parseProbeTarget), 'is not like tcp:10.0.0.5:502 or ping:10.0.0.1'))),
      v.maxLength(confirmNotedMax),
    ),
    [],
  ),
})

export type Settings = v.InferOutput<typeof settingsSchema>
/** With the port that WireGuard gets. */
export type PortedSettings = Settings & { readonly listenPort: number }
export type SettingName = keyof Settings
export const settingNames = Object.keys(settingsSchema.entries) as readonly SettingName[]

/** `listenPort` → `HOLDFAST_LISTEN_PORT`. */
export function envName(name: SettingName): string {
  return `HOLDFAST_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** Words of flags and of the environment in the type that the setting has; what doesn't fit is left for the schema. */
function typed(name: SettingName, word: string): unknown {
  switch (name) {
    case 'listenPort':
    case 'controlPort':
    case 'meshPort':
    case 'lanPort':
    case 'namesPort':
    case 'keepaliveS':
    case 'confirmS':
    case 'updateSpreadS':
    case 'uplinkMbps':
    case 'idleBudgetBytesPerDay':
      return /^\d{1,9}$/.test(word) ? Number(word) : word
    case 'setClock':
    case 'lan':
    case 'metered':
      return word === 'true' || word === '1' ? true : word === 'false' || word === '0' ? false : word
    case 'attach':
    case 'confirmProbes':
      return word.split(',').map((one) => one.trim())
    case 'state':
    case 'network':
    case 'releaseKeys':
    case 'hubUpdates':
    case 'commands':
    case 'interface':
    case 'portMapping':
    case 'uplinks':
    case 'nat64':
    case 'names':
    case 'dns':
    case 'policyDriver':
    case 'flows':
    case 'logLevel':
    case 'logFormat':
    case 'proxy':
    case 'hubBehind':
    case 'metrics':
    case 'kubernetes':
    case 'kubernetesNode':
      return word
  }
}

export interface SettingSources {
  /** Content of the config file as parsed; undefined where there is none. */
  readonly file: unknown
  readonly env: Readonly<Record<string, string | undefined>>
  readonly flags: Partial<Record<SettingName, string | boolean>>
}

/** Throws `invalid`, or `usage` where a flag is off, with the name of the setting as its source spells it. */
export function readSettings({ file, env, flags }: SettingSources): Settings {
  const base = file ?? {}
  if (typeof base !== 'object' || Array.isArray(base)) {
    throw new HoldfastError('invalid', 'the config file is not a map of settings')
  }
  // Unknown keys of the file are found by parsing the file alone, so that its error does not name a flag.
  parseWith(settingsSchema, base)
  const merged: Record<string, unknown> = { ...base }
  const spelled = new Map<string, string>()
  for (const name of settingNames) {
    const fromEnv = env[envName(name)]
    const fromFlag = flags[name]
    if (fromFlag !== undefined) {
      merged[name] = typeof fromFlag === 'string' ? typed(name, fromFlag) : fromFlag
      spelled.set(name, `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`)
    } else if (fromEnv !== undefined && fromEnv !== '') {
      merged[name] = typed(name, fromEnv)
      spelled.set(name, envName(name))
    }
  }
  try {
    return withoutClash(withNetwork(parseWith(settingsSchema, ofNetwork(merged))))
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.field === undefined) throw error
    // Of a list, the list is what the source spells.
    const field = spelled.get(error.field.replace(/[.[].*$/, '')) ?? error.field
    const { message, remedy } = error
    const more = { field, cause: error, ...(remedy === undefined ? {} : { remedy }) }
    throw new HoldfastError(field.startsWith('--') ? 'usage' : 'invalid', message, more)
  }
}

/** UDP port of the path engine. */
export function controlPortOf({ controlPort, listenPort }: Pick<PortedSettings, 'controlPort' | 'listenPort'>): number {
  return controlPort ?? (listenPort === 65_535 ? listenPort - 1 : listenPort + 1)
}

const NAMES_PORT = 51_824

/** Port of the resolver: one that nobody asked for makes room for those that somebody did. */
export function namesPortOf(settings: PortedSettings): number {
  const { lanPort, listenPort, meshPort, namesPort } = settings
  const taken = new Set([lanPort, listenPort, meshPort, controlPortOf(settings)])
  let chosen = NAMES_PORT
  while (taken.has(chosen)) chosen += 1
  return namesPort ?? chosen
}

/** Sockets of one host can't share a port. */
function withoutClash(settings: Settings): Settings {
  const { controlPort, lanPort, listenPort = publicPort, meshPort, namesPort } = settings
  const control = controlPortOf({ controlPort, listenPort })
  const others = [listenPort, control, meshPort, lanPort]
  if (namesPort !== undefined && others.includes(namesPort)) {
    const remedy = 'Leave it out, or give it another port.'
    throw new HoldfastError('invalid', `${namesPort} is another port of the agent already`, {
      field: 'namesPort',
      remedy,
    })
  }
  if (new Set(others).size === others.length) return settings
  const told = `listenPort ${listenPort}, controlPort ${control}, meshPort ${meshPort} and lanPort ${lanPort}`
  const field = [listenPort, control, meshPort].includes(lanPort)
    ? 'lanPort'
    : control === listenPort || control === meshPort
      ? 'controlPort'
      : 'meshPort'
  throw new HoldfastError('invalid', `${told} clash`, { field, remedy: 'Give each another port.' })
}

export function proxyOf({ proxy }: Pick<Settings, 'proxy'>): HttpProxy | undefined {
  return proxy === undefined ? undefined : parseProxy(proxy)
}

/** Host and port of the hub behind this host's TLS relay. */
export function hubBehindOf({ hubBehind }: Pick<Settings, 'hubBehind'>): HubBehind | undefined {
  if (hubBehind === undefined) return undefined
  const colon = hubBehind.lastIndexOf(':')
  const host = hubBehind.slice(0, colon).replaceAll(/[[\]]/g, '')
  return { host, port: Number(hubBehind.slice(colon + 1)) }
}

/** Where scrapes are answered. */
export function metricsAt({ metrics }: Pick<Settings, 'metrics'>): HubBehind | undefined {
  if (metrics === undefined) return undefined
  const endpoint = parseEndpoint(metrics)
  return { host: hostOf(endpoint), port: portOf(endpoint) }
}

export function keepaliveOf(settings: Settings): number {
  return settings.keepaliveS ?? (settings.metered ? 240 : 60)
}

/** Bytes a day; undefined where upkeep costs nothing. */
export function idleBudgetOf({ idleBudgetBytesPerDay, metered }: Settings): number | undefined {
  return idleBudgetBytesPerDay ?? (metered ? 2_000_000 : undefined)
}

/** A fleet that is told at once comes to the hub one after the other; a link that is paid for takes its time. */
export function updateSpreadOf({ metered, updateSpreadS }: Pick<Settings, 'metered' | 'updateSpreadS'>): number {
  return updateSpreadS ?? (metered ? 3_600 : 60)
}
