// A hub in memory that follows a real API server, with the rights of examples/kubernetes/hub-role.yaml and no others. For tests.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseAllDocuments } from 'yaml'
import { createWorld, type World } from '../../cloud/hub-world.fake.ts'
import { openApiCluster } from '../../cloud/kubernetes/api-cluster.ts'
import type { ClusterStatus } from '../../cloud/kubernetes/cluster.ts'
import { type Controller, type ControllerOptions, createController } from '../../cloud/kubernetes/controller.ts'
import { customResourceDefinitions } from '../../cloud/kubernetes/definitions.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import type { Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { apiVersion } from '../../shared/intent/resource.ts'
import { run } from '../laboratory/command.ts'
import { type ApiServer, startApiServer } from './api-server.ts'

export const examples = join(import.meta.dirname, '../../examples')
const PATIENCE_MS = 30_000
const LOOK_MS = 50

export interface Body {
  readonly metadata: {
    readonly name: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly finalizers?: readonly string[]
    readonly resourceVersion: string
    readonly deletionTimestamp?: string
  }
  readonly spec: Readonly<Record<string, unknown>>
  readonly status?: ClusterStatus
}

/** @testonly */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = systemClock.monotonic() + PATIENCE_MS
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (systemClock.monotonic() > end) throw new HoldfastError('failed', `not seen: ${what}`)
    await sleep(LOOK_MS)
  }
}

/** @testonly */
export interface HubInCluster {
  readonly api: ApiServer
  readonly lines: Parameters<typeof memoryLog>[0] & object
  readonly world: World
  readonly kubectl: (words: readonly string[], input?: string) => Promise<string>
  readonly apply: (...objects: readonly object[]) => Promise<string>
  /** An object of our kinds, such as `policies/ping`; undefined where it is not there. */
  readonly get: (path: string) => Promise<Body | undefined>
  /** Waits until the hub says that it takes the object, or that it does not. */
  readonly accepted: (path: string, wanted: 'True' | 'False') => Promise<Body>
  /** The hub begins to follow the cluster. */
  start(more?: Pick<ControllerOptions, 'nodeLabels'>): void
  halt(): Promise<void>
  stop(): Promise<void>
}

async function giveRights(api: ApiServer, kubectl: HubInCluster['kubectl']): Promise<void> {
  await kubectl(['create', 'namespace', 'holdfast'])
  const role = readFileSync(join(examples, 'kubernetes/hub-role.yaml'), 'utf8')
  await kubectl(['apply', '-f', '-'], role)
  const binding = parseAllDocuments(role)
    .map((one) => one.toJS() as { readonly kind: string })
    .find(({ kind }) => kind === 'ClusterRoleBinding')
  await api.ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    ...binding,
    metadata: { name: 'holdfast-hub-test' },
    subjects: [{ kind: 'User', name: 'holdfast-hub', apiGroup: 'rbac.authorization.k8s.io' }],
  })
}

/** Resolves once the kinds are served and the hub has begun. @testonly */
export async function startHubInCluster(): Promise<HubInCluster> {
  const api = await startApiServer()
  process.env['KUBECONFIG'] = api.hubKubeconfig
  const lines: HubInCluster['lines'] = []
  const world = createWorld()
  let controller: Controller | undefined

  const kubectl: HubInCluster['kubectl'] = (words, input = '') =>
    run(['kubectl', '--kubeconfig', api.kubeconfig, ...words], { input })
  const get: HubInCluster['get'] = async (path) => {
    const { body, status } = await api.ask('GET', `/apis/${apiVersion}/${path}`)
    return status === 200 ? (body as Body) : undefined
  }
  const start: HubInCluster['start'] = (more = {}) => {
    const kept = memoryLog(lines)
    const warn: Log['warn'] = (message, { why } = {}) => kept.warn(why === undefined ? message : `${message}: ${why}`)
    const log: Log = { ...kept, warn, child: () => log }
    const cluster = openApiCluster({ clock: systemClock, entropy: systemEntropy, log })
    const derive = { clusterName: 'kube', network: 'default' }
    controller = createController({
      ...more,
      hub: world.hub,
      reports: world.hub,
      cluster,
      derive,
      clock: systemClock,
      log,
    })
    controller.start()
  }
  const halt = async (): Promise<void> => {
    await controller?.stop()
    controller = undefined
  }

  for (const one of customResourceDefinitions()) {
    await api.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', one)
  }
  await giveRights(api, kubectl)
  await until('the kinds are served', async () => ((await get('canaries')) === undefined ? undefined : true))
  await world.start()
  start()
  return {
    api,
    lines,
    world,
    kubectl,
    apply: (...objects) =>
      kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })),
    get,
    accepted: (path, wanted) =>
      until(`${path} is${wanted === 'True' ? '' : ' not'} accepted`, async () => {
        const seen = await get(path)
        return seen?.status?.conditions.find(({ type }) => type === 'Accepted')?.status === wanted ? seen : undefined
      }),
    start,
    halt,
    async stop() {
      await halt()
      await world.hub.stop()
      await api.stop()
    },
  }
}
