// A real Mosquitto on loopback with the dynamic-security plugin: generated config, TLS by the hub's authority.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import type { HubTls } from '../tls/authority.ts'

export interface RunningMosquitto {
  readonly port: number
  readonly url: string
  stop(): Promise<void>
}

const PASSWORD = 'only-for-this-test'

/** Where Debian keeps the plugin: the directory carries the architecture's name. */
function findPlugin(): string | undefined {
  return readdirSync('/usr/lib')
    .map((name) => join('/usr/lib', name, 'mosquitto_dynamic_security.so'))
    .find((path) => existsSync(path))
}

function writeConfig(directory: string, tls: HubTls, port: number, plugin: string): string {
  const file = (name: string, content: string): string => {
    const path = join(directory, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }
  const users = join(directory, 'dynsec.json')
  if (!existsSync(users))
    execFileSync('mosquitto_ctrl', ['dynsec', 'init', users, 'admin', PASSWORD], { stdio: 'ignore' })
  return file(
    'mosquitto.conf',
    [
      `user ${userInfo().username}`,
      'per_listener_settings false',
      'allow_anonymous false',
      `listener ${port} 127.0.0.1`,
      `cafile ${file('ca.pem', tls.authority)}`,
      `certfile ${file('server.pem', tls.certificate)}`,
      `keyfile ${file('server.key', tls.key)}`,
      `plugin ${plugin}`,
      `plugin_opt_config_file ${users}`,
      '',
    ].join('\n'),
  )
}

function whenListening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (/mosquitto version \S+ running/.test(said)) resolve()
    })
    child.once('exit', (code) => reject(new HoldfastError('failed', `mosquitto ended with ${code}: ${said}`)))
  })
}

/** Run again on the same directory, it comes back with the users it had. */
export async function startMosquitto(directory: string, tls: HubTls, wantedPort?: number): Promise<RunningMosquitto> {
  const plugin = findPlugin()
  if (plugin === undefined) throw new HoldfastError('unsupported', 'mosquitto_dynamic_security.so is not installed')
  const port = wantedPort ?? (await ownPort())
  const config = writeConfig(directory, tls, port, plugin)
  const child = spawn('mosquitto', ['-c', config, '-v'], { stdio: ['ignore', 'ignore', 'pipe'] })
  await whenListening(child)
  return {
    port,
    url: `mqtts://admin:${PASSWORD}@127.0.0.1:${port}?ca=${join(directory, 'ca.pem')}`,
    stop: () =>
      new Promise((resolve) => {
        child.removeAllListeners('exit')
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}
