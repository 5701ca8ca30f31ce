// Two clusters on one hub: real API servers, each with an agent that has the rights of examples/kubernetes/cluster-role.yaml and
// no others, and a hub that is in neither. What kubectl applies in one is a record of the hub, and how far that is stands there.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAllDocuments } from 'yaml'
import { type Client, openClient } from '../../cloud/cli/client.ts'
import type { ClusterView } from '../../cloud/clusters/clusters.ts'
import { customResourceDefinitions } from '../../cloud/kubernetes/definitions.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { apiVersion } from '../../shared/intent/resource.ts'
import { run } from '../laboratory/command.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { whyNoApiServer } from './api-server-program.ts'
import { type Body, examples, until } from './hub-in-cluster.ts'

const main = join(import.meta.dirname, '../../cloud/main.ts')
const names = ['north', 'south'] as const
type Name = (typeof names)[number]

function launch(words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const args = ['--pdeathsig', 'KILL', process.execPath, main, ...words]
  const child: ChildProcess = spawn('setpriv', args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => (said += part.toString()))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    log: () => said,
    async end(): Promise<void> {
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function giveRights(api: ApiServer): Promise<void> {
  const documents = parseAllDocuments(readFileSync(join(examples, 'kubernetes/cluster-role.yaml'), 'utf8'))
  const [role, , binding] = documents.map((one) => one.toJS() as object)
  const at = '/apis/rbac.authorization.k8s.io/v1'
  await api.ask('POST', `${at}/clusterroles`, role)
  const subjects = [{ kind: 'User', name: 'holdfast-hub', apiGroup: 'rbac.authorization.k8s.io' }]
  await api.ask('POST', `${at}/clusterrolebindings`, { ...binding, subjects })
}

async function startCluster(): Promise<ApiServer> {
  const api = await startApiServer()
  for (const one of customResourceDefinitions()) {
    await api.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', one)
  }
  await giveRights(api)
  return api
}

const why = whyNoApiServer()
if (why === undefined) {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-clusters-'))
  const port = await ownPort()
  const url = `https://127.0.0.1:${port}`
  const at = `127.0.0.1:${port}`
  const hubWords = ['serve', '--data', join(data, 'hub'), '--listen', at, '--mqtt', at, '--url', url]
  let hub = launch(hubWords)
  const [north, south] = await Promise.all([startCluster(), startCluster()])
  const apis: Readonly<Record<Name, ApiServer>> = { north, south }
  const agents = new Map<Name, ReturnType<typeof launch>>()

  const cli = (...words: readonly string[]): Promise<string> =>
    run([process.execPath, main, ...words, '--data', join(data, 'hub')])
  // In place of a process for each look.
  const client = (): Client => openClient({ data: join(data, 'hub') })
  const ask = async <T>(...words: readonly string[]): Promise<T> => JSON.parse(await cli(...words, '--json')) as T
  const kubectl = (name: Name, words: readonly string[], input: object = {}): Promise<string> =>
    run(['kubectl', '--kubeconfig', apis[name].kubeconfig, ...words], { input: JSON.stringify(input) })
  const apply = (name: Name, object: object): Promise<string> => kubectl(name, ['apply', '-f', '-'], object)
  const keyFile = (name: Name): string => join(data, `${name}.key`)
  const follow = (name: Name, key: Name = name): void => {
    const words = ['cluster', 'run', '--url', url, '--key-file', keyFile(key)]
    agents.set(name, launch(words, { KUBECONFIG: apis[name].hubKubeconfig }))
  }
  const view = async (name: Name): Promise<ClusterView> => {
    const { items } = await client().get<{ items: readonly ClusterView[] }>('/api/v1/clusters')
    const found = items.find((one) => one.name === name)
    assert.ok(found)
    return found
  }
  const becomes = (name: Name, what: string, holds: (one: ClusterView) => boolean): Promise<ClusterView> =>
    until(`${name} is ${what}`, async () => {
      const seen = await view(name)
      return holds(seen) ? seen : undefined
    })
  const policies = async (): Promise<readonly string[]> => {
    const { items } = await client().get<{ items: readonly Body[] }>('/api/v1/policies')
    return items.map(({ metadata }) => metadata.name).sort()
  }
  const mirror = async (name: Name, path: string): Promise<Body | undefined> => {
    const { body, status } = await apis[name].ask('GET', `/apis/${apiVersion}/${path}`)
    return status === 200 ? (body as Body) : undefined
  }
  const netPolicy = (name: string): object => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'default' },
    spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] },
  })

  test.after(async () => {
    await Promise.all([...agents.values()].map((one) => one.end()))
    await hub.end()
    await Promise.all([north.stop(), south.stop()])
    rmSync(data, { recursive: true })
  })

  test('what kubectl applies in a cluster is a record of the hub, and its status is told there', async () => {
    await until('the hub serves', async () => (/hub is up/.test(hub.log()) ? true : undefined))
    for (const name of names) {
      const { key } = await ask<{ key: string }>('cluster', 'add', name, '--pods', '10.43.0.0/16')
      writeFileSync(keyFile(name), `${key}\n`, { mode: 0o600 })
      follow(name)
    }
    await Promise.all(names.map((name) => apply(name, netPolicy('web'))))
    for (const name of names) {
      const path = `policies/${name}--np--default--web`
      const seen = await until(`${path} is accepted in ${name}`, async () => {
        const found = await mirror(name, path)
        return found?.status?.conditions.some(({ status, type }) => type === 'Accepted' && status === 'True')
          ? found
          : undefined
      })
      assert.match(JSON.stringify(seen.spec['subject']), new RegExp(`"holdfast.dev/pod-site".*"${name}"`))
    }
    assert.equal(await policies(), ['north--np--default--web', 'south--np--default--web'])
    assert.is(await mirror('north', 'policies/south--np--default--web'), undefined)
  })

  test('a cluster writes what is its own and nothing else, and is told so', async () => {
    const forged = {
      apiVersion,
      kind: 'Policy',
      metadata: { name: 'open' },
      spec: { subject: { nodeSelector: {} }, ingress: [{}] },
    }
    await apply('north', forged)
    const refused = await until('it is refused', async () => {
      const found = await mirror('north', 'policies/open')
      return found?.status?.conditions.find(({ status, type }) => type === 'Accepted' && status === 'False')
    })
    assert.match(refused.message, /the cluster north may not write Policy\/open/)
    assert.not.ok((await policies()).includes('open'))
    await kubectl('north', ['delete', 'hfpol', 'open', '--timeout=20s'])
  })

  test('what a cluster deletes while the hub is away goes when it is back, and nothing else does', async () => {
    await hub.end()
    await kubectl('south', ['delete', 'networkpolicy', 'web'])
    hub = launch(hubWords)
    await until('it went', async () => {
      const seen = await policies().catch(() => [])
      return seen.length === 1 ? seen : undefined
    })
    assert.equal(await policies(), ['north--np--default--web'])
    await becomes('north', 'back', ({ state }) => state === 'connected')
    assert.match(await cli('get', 'clusters'), /^north +default +connected .* 1 +0 +0 +- +10\.43\.0\.0\/16$/m)
  })

  test('another cluster with the key of the first is refused, and changes nothing', async () => {
    await agents.get('north')?.end()
    await agents.get('south')?.end()
    follow('south', 'north')
    const seen = await becomes('north', 'refused', ({ state }) => state === 'refused')
    assert.match(seen.problem ?? '', /another cluster is known as north/)
    assert.is(seen.policies, 1)
    await agents.get('south')?.end()
    follow('north')
    await becomes('north', 'back', ({ state }) => state === 'connected')
  })

  test('a cluster that is removed takes along what it brought, and is rid of what the hub wrote there', async () => {
    assert.equal(await ask('cluster', 'remove', 'north'), { records: 1, isReleased: true })
    assert.equal(await policies(), [])
    assert.is(await mirror('north', 'policies/north--np--default--web'), undefined)
    assert.is(statSync(keyFile('north')).mode & 0o077, 0)
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
