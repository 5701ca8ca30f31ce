// A hub's broker side and a plain MQTT client for tests: real sockets on loopback, real TLS, nothing pretended.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { type LogLine, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import type { NetworkId, NodeId } from '../../shared/ids.ts'
import { hubServerName } from '../../shared/wire/enrol.ts'
import { type HubTls, openTls } from '../tls/authority.ts'

export const network = 'netnetnetnet' as NetworkId
export const alice = 'aliceaaaaaaaaaaa' as NodeId
export const bob = 'bobbbbbbbbbbbbbb' as NodeId

export function scratch(prefix: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), prefix))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export function testTls(directory: string): HubTls {
  // A real handshake judges by the machine's clock.
  return openTls({ directory, hosts: [], clock: systemClock, entropy: seededEntropy(1), log: memoryLog() })
}

export interface Dialled {
  readonly client: MqttClient
  readonly received: { topic: string; payload: string; retain: boolean }[]
  /** Resolves with the reason when the connection is gone. */
  readonly gone: Promise<string>
}

/** Connects once, without retries; rejects with the broker's reason. */
export function dial(url: string, tls: HubTls, options: IClientOptions): Promise<Dialled> {
  const client = mqtt.connect(url, {
    protocolVersion: 4,
    reconnectPeriod: 0,
    connectTimeout: 30_000,
    ca: tls.authority,
    servername: hubServerName,
    checkServerIdentity: () => undefined,
    ...options,
  } as IClientOptions)
  const received: Dialled['received'] = []
  client.on('message', (topic, payload, packet) => {
    received.push({ topic, payload: payload.toString(), retain: packet.retain })
  })
  let last = 'closed'
  const gone = new Promise<string>((resolve) => client.on('close', () => resolve(last)))
  return new Promise((resolve, reject) => {
    client.on('error', (error) => {
      last = error.message
      client.end(true)
      reject(error)
    })
    client.once('connect', () => resolve({ client, received, gone }))
    client.once('close', () => reject(new HoldfastError('unreachable', `connection closed: ${last}`)))
  })
}

/** Resolves when `holds` is true, checked at each turn of the event loop; rejects after `timeoutMs`. */
export async function until(holds: () => boolean, timeoutMs = 40_000): Promise<void> {
  const end = systemClock.monotonic() + timeoutMs
  while (!holds()) {
    if (systemClock.monotonic() > end)
      throw new HoldfastError('failed', `not true within ${timeoutMs} ms: ${String(holds)}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

export function loggedAt(lines: readonly LogLine[], pattern: RegExp): boolean {
  return lines.some((line) => pattern.test(line.message))
}
