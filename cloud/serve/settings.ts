// How the hub is to run: a YAML file, overridden by variables, overridden by flags. Unknown keys are errors.

import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { parseConfig } from '../../shared/intent/yaml.ts'
import { documentBytesMax } from '../../shared/limits.ts'
import { type ListenAddress, parseListen } from './address.ts'

export interface ServeSettings {
  readonly data: string
  readonly listen: ListenAddress
  readonly mqtt: ListenAddress
  /** How devices and people reach the hub from outside, `https://host:port`. */
  readonly url: string | undefined
  /** Further names and addresses to put into the certificate. */
  readonly names: readonly string[]
  readonly broker: string | undefined
  readonly brokerPublic: string | undefined
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly logFormat: 'text' | 'json' | 'journal'
}

const hostName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$/, 'is neither a DNS name nor an address'),
)

export const settingsFile = v.strictObject({
  data: v.optional(v.string()),
  listen: v.optional(v.string()),
  mqtt: v.optional(v.string()),
  url: v.optional(v.pipe(v.string(), v.regex(/^https:\/\/[^/?#@]+$/, 'is not like https://hub.example.org:8443'))),
  names: v.optional(v.pipe(v.array(hostName), v.maxLength(64))),
  broker: v.optional(v.string()),
  brokerPublic: v.optional(v.pipe(v.string(), v.regex(/^mqtts:\/\/[^/?#@]+$/, 'is not like mqtts://host:8883'))),
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
  const all = { ...file, ...given, log: { ...file.log, ...given.log } }
  return {
    data: all.data ?? '/var/lib/holdfast-hub',
    listen: parseListen(all.listen ?? '0.0.0.0:8443', 'listen'),
    mqtt: parseListen(all.mqtt ?? '0.0.0.0:8883', 'mqtt'),
    url: all.url,
    names: all.names ?? [],
    broker: all.broker,
    brokerPublic: all.brokerPublic,
    logLevel: all.log.level ?? 'info',
    logFormat: all.log.format ?? (underSystemd ? 'journal' : 'text'),
  }
}
