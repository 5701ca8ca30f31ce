// How the hub is to run: a YAML file, overridden by variables, overridden by flags. Unknown keys are errors.

import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { type Cidr, parseCidr } from '../../shared/address/cidr.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { cidr, integer, name } from '../../shared/intent/field.ts'
import { parseConfig } from '../../shared/intent/yaml.ts'
import { documentBytesMax } from '../../shared/limits.ts'
import { type ListenAddress, parseListen } from './address.ts'
import { type OidcFile, oidcFile } from './oidc-settings.ts'

export interface ServeSettings {
  readonly data: string
  readonly listen: ListenAddress
  /** Undefined where it is the address of HTTPS: one port serves both. */
  readonly mqtt: ListenAddress | undefined
  /** How devices and people reach the hub from outside, `https://host:port`. */
  readonly url: string | undefined
  /** Further names and addresses to put into the certificate. */
  readonly names: readonly string[]
  /** Relays and proxies in front whose word on the source of a connection is taken (PROXY protocol). */
  readonly trustProxies: readonly Cidr[]
  readonly broker: string | undefined
  readonly brokerPublic: string | undefined
  /** An OpenTelemetry collector that flows go to; undefined where there is none. */
  readonly otlp: { readonly endpoint: string; readonly headersFile?: string | undefined } | undefined
  /** A provider of identities that vouches for people; undefined where they sign in by tokens alone. */
  readonly oidc: OidcFile | undefined
  /** Follows the objects of a Kubernetes cluster. */
  readonly kubernetes: boolean
  /** What that cluster is called here, the network of what it holds besides intent, and whether its Nodes tell of uplinks. */
  readonly cluster: { readonly name: string; readonly network: string; readonly nodeLabels: boolean }
  /** The Service there that leads to the hub; Lease and state are named after it. */
  readonly service: string
  /** Seconds after which another replica takes over from one that is not heard of. */
  readonly leaseS: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly logFormat: 'text' | 'json' | 'journal'
}

const hostName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$/, 'is neither a DNS name nor an address'),
)

/** A relay on the hub's own machine; whoever else is there can do worse than lie about an address. */
const thisMachine = ['127.0.0.0/8', '::1/128'].map(parseCidr)

export const settingsFile = v.strictObject({
  data: v.optional(v.string()),
  listen: v.optional(v.string()),
  mqtt: v.optional(v.string()),
  url: v.optional(v.pipe(v.string(), v.regex(/^https:\/\/[^/?#@]+$/, 'is not like https://hub.example.org:8443'))),
  names: v.optional(v.pipe(v.array(hostName), v.maxLength(64))),
  trustProxies: v.optional(v.pipe(v.array(cidr), v.maxLength(64))),
  broker: v.optional(v.string()),
  brokerPublic: v.optional(v.pipe(v.string(), v.regex(/^mqtts:\/\/[^/?#@]+$/, 'is not like mqtts://host:8883'))),
  otlp: v.optional(
    v.strictObject({
      endpoint: v.pipe(v.string(), v.regex(/^https?:\/\/[^/?#@]+(?:\/[^?#]*)?$/, 'is not like http://collector:4318')),
      headersFile: v.optional(v.string()),
    }),
  ),
  oidc: v.optional(oidcFile),
  kubernetes: v.optional(v.boolean()),
  cluster: v.optional(
    v.strictObject({
      name: v.optional(
        v.pipe(
          v.string(),
          v.regex(
            /^(?=.{1,20}$)[a-z0-9]+(?:-[a-z0-9]+)*$/,
            'is not up to 20 lower-case letters, digits and single hyphens',
          ),
        ),
      ),
      network: v.optional(name),
      nodeLabels: v.optional(v.boolean()),
    }),
  ),
  service: v.optional(v.pipe(v.string(), v.regex(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'is no name of a Service'))),
  leaseSeconds: v.optional(integer(4, 120)),
  log: v.optional(
    v.strictObject({
      level: v.optional(v.picklist(['debug', 'info', 'warn', 'error'])),
      format: v.optional(v.picklist(['text', 'json', 'journal'])),
    }),
  ),
})
export type SettingsFile = v.InferOutput<typeof settingsFile>

export function readSettings(path: string): SettingsFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new HoldfastError('not-found', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
  if (text.length > documentBytesMax) throw new HoldfastError('too-large', `${path} is no settings file`)
  return parseConfig(settingsFile, text)
}

/** Flags and variables, already merged, over the file, over the defaults. */
export function resolveSettings(file: SettingsFile, given: SettingsFile, underSystemd: boolean): ServeSettings {
  const all = { ...file, ...given, log: { ...file.log, ...given.log }, cluster: { ...file.cluster, ...given.cluster } }
  const listen = parseListen(all.listen ?? '0.0.0.0:8443', 'listen')
  const mqtt = parseListen(all.mqtt ?? '0.0.0.0:8883', 'mqtt')
  // Port 0 is another one each time.
  const shared = mqtt.port !== 0 && mqtt.port === listen.port && mqtt.host === listen.host
  return {
    data: all.data ?? '/var/lib/holdfast-hub',
    listen,
    mqtt: shared ? undefined : mqtt,
    trustProxies: all.trustProxies ?? thisMachine,
    url: all.url,
    names: all.names ?? [],
    broker: all.broker,
    brokerPublic: all.brokerPublic,
    otlp: all.otlp,
    oidc: all.oidc,
    kubernetes: all.kubernetes ?? false,
    cluster: {
      name: all.cluster?.name ?? 'kube',
      network: all.cluster?.network ?? 'default',
      nodeLabels: all.cluster?.nodeLabels ?? false,
    },
    service: all.service ?? 'holdfast-hub',
    leaseS: all.leaseSeconds ?? 15,
    logLevel: all.log.level ?? 'info',
    logFormat: all.log.format ?? (underSystemd ? 'journal' : 'text'),
  }
}
