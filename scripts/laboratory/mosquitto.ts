// Debian's Mosquitto on the hub's host: TLS by an authority made for it, and the dynamic-security plugin that the hub drives.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toHex } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemEntropy } from '../../shared/host/clock.ts'
import type { Host, Running } from './host.ts'

const PORT = 8_883
/** Inside the host; beside the hub's data. */
const DIRECTORY = '/var/lib/mosquitto'

/** Where Debian keeps the plugin: the directory carries the architecture's name. */
function findPlugin(): string {
  const found = readdirSync('/usr/lib')
    .map((name) => join('/usr/lib', name, 'mosquitto_dynamic_security.so'))
    .find((path) => existsSync(path))
  if (found !== undefined) return found
  throw new HoldfastError('unsupported', 'Mosquitto’s dynamic-security plugin is not installed', {
    remedy: 'Run ./scripts/setup as root.',
  })
}

async function makeCertificate(host: Host, address: string): Promise<void> {
  const at = (name: string): string => `${DIRECTORY}/${name}`
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const authority = [
    '-x509',
    '-subj',
    '/CN=lab broker authority',
    '-days',
    '2',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  ]
  await host.exec(['openssl', 'req', ...key, ...authority])
  const request = ['-subj', '/CN=broker', '-addext', `subjectAltName=IP:${address}`]
  await host.exec(['openssl', 'req', ...key, ...request, '-keyout', at('server.key'), '-out', at('server.csr')])
  const sign = [
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-copy_extensions',
    'copy',
  ]
  await host.exec(['openssl', 'x509', '-req', '-in', at('server.csr'), ...sign, '-out', at('server.pem')])
}

function config(address: string): string {
  return [
    'user root',
    'per_listener_settings false',
    'allow_anonymous false',
    `listener ${PORT} ${address}`,
    `cafile ${DIRECTORY}/ca.pem`,
    `certfile ${DIRECTORY}/server.pem`,
    `keyfile ${DIRECTORY}/server.key`,
    `plugin ${findPlugin()}`,
    `plugin_opt_config_file ${DIRECTORY}/dynsec.json`,
    '',
  ].join('\n')
}

export interface LabBroker {
  /** Words for `holdfast-hub serve`. */
  readonly serve: readonly string[]
  start(): Promise<void>
  /** As a crash does: kill -9. */
  kill(): Promise<void>
}

/** Makes its certificate and its configuration on the host. */
export async function createMosquitto(host: Host, address: string): Promise<LabBroker> {
  const directory = join(host.lib, 'mosquitto')
  mkdirSync(directory, { mode: 0o700 })
  const password = toHex(systemEntropy.bytes(16))
  await makeCertificate(host, address)
  await host.exec(['mosquitto_ctrl', 'dynsec', 'init', `${DIRECTORY}/dynsec.json`, 'admin', password])
  writeFileSync(join(directory, 'mosquitto.conf'), config(address))
  let running: Running | undefined
  return {
    serve: ['--broker', `mqtts://admin:${password}@${address}:${PORT}?ca=${DIRECTORY}/ca.pem`],
    async start() {
      running = host.spawn(['mosquitto', '-c', `${DIRECTORY}/mosquitto.conf`, '-v'], 'mosquitto')
      await running.said(/mosquitto version \S+ running/)
    },
    async kill() {
      await running?.end('SIGKILL')
      running = undefined
    },
  }
}
