// A real kube-apiserver and etcd on loopback, for tests: certificates and an administrator's token are made for it, and it goes
// with the process that started it.

import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toHex } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { apiServerPrograms } from './api-server-program.ts'

const START_TIMEOUT_MS = 90_000
const LOOK_MS = 100

export interface Answer {
  readonly status: number
  readonly body: unknown
}

export interface ApiServer {
  readonly url: string
  /** The administrator's, for kubectl and for whatever else reads one. */
  readonly kubeconfig: string
  /** Of a user that has no right until it is given one: `holdfast-hub`. */
  readonly hubKubeconfig: string
  readonly authority: string
  readonly token: string
  /** As the administrator; the body is JSON, or YAML where `contentType` says so. */
  ask(method: string, path: string, body?: unknown, contentType?: string): Promise<Answer>
  /** Ends the API server, and keeps what it knows. */
  halt(): Promise<void>
  /** What was is forgotten (etcd’s compaction): a watch from before finds that it has expired. */
  forget(): Promise<void>
  /** Starts it again at the same address. */
  resume(): Promise<void>
  stop(): Promise<void>
}

function launch(program: string, args: readonly string[], log: string): ChildProcess {
  // Dies with us, whatever ends us.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const file = createWriteStream(log, { flags: 'a' })
  child.stdout?.pipe(file, { end: false })
  child.stderr?.pipe(file, { end: false })
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const over = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await over
}

function kubeconfigText(url: string, authority: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    clusters: [
      {
        name: 'test',
        cluster: { server: url, 'certificate-authority-data': Buffer.from(authority).toString('base64') },
      },
    ],
    users: [{ name: 'admin', user: { token } }],
  })
}

interface Place {
  readonly directory: string
  readonly port: number
  readonly storePort: number
  readonly peerPort: number
  readonly token: string
  readonly hubToken: string
}

function etcdArguments({ directory, peerPort, storePort }: Place): readonly string[] {
  const [client, peer] = [`http://127.0.0.1:${storePort}`, `http://127.0.0.1:${peerPort}`]
  return [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
  ]
}

/** By its JSON gateway. */
async function compact({ storePort }: Place): Promise<void> {
  const store = async (verb: string, body: object): Promise<unknown> => {
    const url = `http://127.0.0.1:${storePort}/v3/kv/${verb}`
    return (await fetch(url, { method: 'POST', body: JSON.stringify(body) })).json()
  }
  const { header } = (await store('range', { key: 'AA==' })) as { readonly header: { readonly revision: string } }
  const done = JSON.stringify(await store('compaction', { revision: header.revision, physical: true }))
  if (!done.includes('"header"')) throw new HoldfastError('failed', `etcd did not forget: ${done.slice(0, 200)}`)
}

function serverArguments({ directory, port, storePort }: Place): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${storePort}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(directory, 'certs')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(directory, 'sa.key')}`,
    `--service-account-signing-key-file=${join(directory, 'sa.key')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--endpoint-reconciler-type=none',
    `--token-auth-file=${join(directory, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    // Nothing here makes the accounts that pods run as.
    '--disable-admission-plugins=ServiceAccount',
  ]
}

function makeFiles({ directory, hubToken, token }: Place): void {
  mkdirSync(join(directory, 'certs'))
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  writeFileSync(join(directory, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  writeFileSync(
    join(directory, 'tokens.csv'),
    `${token},admin,admin,system:masters\n${hubToken},holdfast-hub,holdfast-hub\n`,
    { mode: 0o600 },
  )
}

/** Resolves once it says that it is ready. @testonly */
export async function startApiServer(): Promise<ApiServer> {
  const programs = await apiServerPrograms()
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-kube-'))
  const [port, storePort, peerPort] = [await ownPort(), await ownPort(), await ownPort()]
  const place: Place = {
    directory,
    port,
    storePort,
    peerPort,
    token: toHex(systemEntropy.bytes(16)),
    hubToken: toHex(systemEntropy.bytes(16)),
  }
  makeFiles(place)
  const log = join(directory, 'log')
  const store = launch(programs.etcd, etcdArguments(place), log)
  let server: ChildProcess
  const url = `https://127.0.0.1:${port}`
  const authority = (): string => readFileSync(join(directory, 'certs/apiserver.crt'), 'utf8')

  const ask: ApiServer['ask'] = (method, path, body, contentType = 'application/json') =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${place.token}`, 'content-type': contentType }
      const asked = request(`${url}${path}`, { method, headers, ca: authority() }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => (text += part))
        response.once('end', () => {
          const isJson = response.headers['content-type']?.startsWith('application/json') === true
          resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text })
        })
      })
      asked.once('error', reject)
      asked.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
    })

  const stop = async (): Promise<void> => {
    await Promise.all([end(server), end(store)])
    rmSync(directory, { recursive: true, force: true })
  }

  const resume = async (): Promise<void> => {
    server = launch(programs.apiServer, serverArguments(place), log)
    const until = systemClock.monotonic() + START_TIMEOUT_MS
    while ((await ask('GET', '/readyz').catch(() => undefined))?.status !== 200) {
      const dead = server.exitCode !== null || store.exitCode !== null
      if (dead || systemClock.monotonic() > until) {
        const words = readFileSync(log, 'utf8').slice(-2_000)
        await stop()
        throw new HoldfastError('failed', `the API server did not start: ${words}`)
      }
      await sleep(LOOK_MS)
    }
  }

  const keep = (name: string, token: string): string => {
    const path = join(directory, name)
    writeFileSync(path, kubeconfigText(url, authority(), token), { mode: 0o600 })
    return path
  }

  await resume()
  return {
    url,
    kubeconfig: keep('kubeconfig', place.token),
    hubKubeconfig: keep('hub-kubeconfig', place.hubToken),
    authority: authority(),
    token: place.token,
    ask,
    halt: () => end(server),
    forget: () => compact(place),
    resume,
    stop,
  }
}
