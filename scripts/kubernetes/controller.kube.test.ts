// The hub's controller at a real API server, with the rights of examples/kubernetes/hub-role.yaml and no others.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAllDocuments } from 'yaml'
import { createWorld, type World } from '../../cloud/hub-world.fake.ts'
import { openApiCluster } from '../../cloud/kubernetes/api-cluster.ts'
import type { ClusterStatus } from '../../cloud/kubernetes/cluster.ts'
import { type Controller, createController } from '../../cloud/kubernetes/controller.ts'
import { customResourceDefinitions } from '../../cloud/kubernetes/definitions.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { apiVersion } from '../../shared/intent/resource.ts'
import { run } from '../laboratory/command.ts'
import { startApiServer } from './api-server.ts'
import { whyNoApiServer } from './api-server-program.ts'

const examples = join(import.meta.dirname, '../../examples')
const PATIENCE_MS = 30_000
const SETTLED_MS = 2_500

interface Body {
  readonly metadata: {
    readonly name: string
    readonly finalizers?: readonly string[]
    readonly resourceVersion: string
    readonly deletionTimestamp?: string
  }
  readonly spec: Readonly<Record<string, unknown>>
  readonly status?: ClusterStatus
}

async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = systemClock.monotonic() + PATIENCE_MS
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (systemClock.monotonic() > end) throw new Error(`not seen: ${what}`)
    await sleep(50)
  }
}

const why = whyNoApiServer()
if (why === undefined) {
  const api = await startApiServer()
  process.env['KUBECONFIG'] = api.hubKubeconfig
  const lines: Parameters<typeof memoryLog>[0] = []
  let world: World
  let controller: Controller

  const kubectl = (words: readonly string[], input = ''): Promise<string> =>
    run(['kubectl', '--kubeconfig', api.kubeconfig, ...words], { input })
  const apply = (...objects: readonly object[]): Promise<string> =>
    kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
  const policy = (name: string, spec: object = {}): object => ({
    apiVersion,
    kind: 'Policy',
    metadata: { name },
    spec: { subject: { nodeSelector: {} }, ...spec },
  })
  const get = async (path: string): Promise<Body | undefined> => {
    const { body, status } = await api.ask('GET', `/apis/${apiVersion}/${path}`)
    return status === 200 ? (body as Body) : undefined
  }
  const accepted = async (path: string, wanted: 'True' | 'False'): Promise<Body> =>
    until(`${path} is${wanted === 'True' ? '' : ' not'} accepted`, async () => {
      const seen = await get(path)
      return seen?.status?.conditions.find(({ type }) => type === 'Accepted')?.status === wanted ? seen : undefined
    })
  const priorityOf = (name: string): number | undefined => {
    const resource = world.hub.get('Policy', name)?.resource
    return resource?.kind === 'Policy' ? resource.spec.priority : undefined
  }
  const start = (): void => {
    const log = memoryLog(lines)
    const cluster = openApiCluster({ clock: systemClock, entropy: systemEntropy, log })
    controller = createController({ hub: world.hub, cluster, clock: systemClock, log })
    controller.start()
  }

  test.before(async () => {
    for (const one of customResourceDefinitions()) {
      await api.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', one)
    }
    await kubectl(['create', 'namespace', 'holdfast'])
    const role = readFileSync(join(examples, 'kubernetes/hub-role.yaml'), 'utf8')
    await kubectl(['apply', '-f', '-'], role)
    const binding = parseAllDocuments(role)
      .map((one) => one.toJS() as { readonly kind: string })
      .find(({ kind }) => kind === 'ClusterRoleBinding')
    await kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({
        ...binding,
        metadata: { name: 'holdfast-hub-test' },
        subjects: [{ kind: 'User', name: 'holdfast-hub', apiGroup: 'rbac.authorization.k8s.io' }],
      }),
    )
    await until('the kinds are served', async () => ((await get('canaries')) === undefined ? undefined : true))
    world = createWorld()
    await world.start()
    start()
  })
  test.after(async () => {
    await controller.stop()
    await world.hub.stop()
    await api.stop()
  })

  test('what the hub has is written into the cluster', async () => {
    const network = await accepted('networks/default', 'True')
    assert.equal(network.metadata.finalizers, ['holdfast.dev/hub'])
  })

  test('what people apply becomes intent in one revision, and its status says so', async () => {
    const before = world.hub.rollOut()[0]?.version.revision ?? 0
    // As the hub does: its own object knows no copy of what was applied before.
    await kubectl(['apply', '--server-side', '--force-conflicts', '-f', join(examples, 'fleet.yaml')])
    const ping = await accepted('policies/ping', 'True')
    assert.ok(world.hub.get('Policy', 'web') !== undefined && world.hub.get('Route', 'alpha-machines') !== undefined)
    await world.hub.flushed()
    assert.ok((world.hub.rollOut()[0]?.version.revision ?? 0) - before <= 2)
    assert.equal(
      ping.status?.conditions.map(({ type }) => type),
      ['Accepted', 'Programmed', 'Ready'],
    )
    await until('the table for people', async () =>
      /ping +Standard +Enforce +True +0\/0/.test(await kubectl(['get', 'hfpol'])) ? true : undefined,
    )
  })

  test('at rest nothing is written', async () => {
    await sleep(SETTLED_MS)
    const versions = async (): Promise<readonly string[]> => {
      const { body } = await api.ask('GET', `/apis/${apiVersion}/policies`)
      return (body as { readonly items: readonly Body[] }).items.map(({ metadata }) => metadata.resourceVersion)
    }
    const before = await versions()
    await sleep(SETTLED_MS)
    assert.equal(await versions(), before)
  })

  test('what the hub can’t take is told at the object, and the last good goes on', async () => {
    await apply(policy('web-only', { priority: 7 }))
    await accepted('policies/web-only', 'True')
    await apply(policy('web-only', { priority: 8, network: 'nowhere' }))
    const refused = await accepted('policies/web-only', 'False')
    const [condition] = refused.status?.conditions ?? []
    assert.match(condition?.message ?? '', /network.*The hub goes on with what it took before/s)
    assert.is(priorityOf('web-only'), 7)
    await apply(policy('web-only', { priority: 9 }))
    await accepted('policies/web-only', 'True')
    assert.is(priorityOf('web-only'), 9)
  })

  test('one bad object does not keep the others out, in whatever order they belong', async () => {
    const spec = { cidr: '10.91.0.0/16' }
    await apply(policy('late', { network: 'second' }), policy('lost', { network: 'nowhere' }), {
      apiVersion,
      kind: 'Network',
      metadata: { name: 'second' },
      spec,
    })
    await accepted('policies/late', 'True')
    await accepted('policies/lost', 'False')
    await kubectl(['delete', 'hfpol', 'late', 'lost', '--wait=true', '--timeout=20s'])
    assert.is(world.hub.get('Policy', 'late'), undefined)
  })

  test('a deleted object leaves the network first; one that is still used stays, and says why', async () => {
    await apply(policy('member', { network: 'second' }))
    await accepted('policies/member', 'True')
    await kubectl(['delete', 'hfnet', 'second', '--wait=false'])
    const used = await accepted('networks/second', 'False')
    assert.match(used.status?.conditions[0]?.message ?? '', /still used by Policy\/member/)
    await kubectl(['delete', 'hfpol', 'member', '--wait=true', '--timeout=20s'])
    await until('the network is gone', async () => ((await get('networks/second')) === undefined ? true : undefined))
    assert.is(world.hub.get('Network', 'second'), undefined)
  })

  test('an object that is merely gone is written again: a lost cluster cuts nobody off', async () => {
    const path = `/apis/${apiVersion}/policies/ping`
    const patch = { metadata: { finalizers: null } }
    await controller.stop()
    assert.is((await api.ask('PATCH', path, patch, 'application/merge-patch+json')).status, 200)
    assert.is((await api.ask('DELETE', path)).status, 200)
    start()
    await accepted('policies/ping', 'True')
    assert.ok(world.hub.get('Policy', 'ping') !== undefined)
  })

  test('a deletion while the hub is away is carried out when it is back', async () => {
    await controller.stop()
    await kubectl(['delete', 'hfpol', 'ssh-within-alpha', '--wait=false'])
    assert.ok((await get('policies/ssh-within-alpha'))?.metadata.deletionTimestamp !== undefined)
    start()
    await until('it is gone', async () => ((await get('policies/ssh-within-alpha')) === undefined ? true : undefined))
    assert.is(world.hub.get('Policy', 'ssh-within-alpha'), undefined)
  })

  test('an API server that is away changes nothing, and is followed again when it is back', async () => {
    await api.halt()
    await until('the hub notices', () => lines.find(({ message }) => message.includes('is not heard')))
    assert.ok(world.hub.get('Policy', 'ping') !== undefined)
    await api.resume()
    await apply(policy('afterwards'))
    await accepted('policies/afterwards', 'True')
  })

  test('two people who write at once are told by the API server, and the hub follows who won', async () => {
    const seen = await get('policies/ping')
    const put = (priority: number): ReturnType<typeof api.ask> =>
      api.ask('PUT', `/apis/${apiVersion}/policies/ping`, {
        ...policy('ping', { priority }),
        metadata: { ...seen?.metadata },
      })
    const answers = await Promise.all([put(1), put(2)])
    assert.equal(new Set(answers.map(({ status }) => status)), new Set([200, 409]))
    const won = answers.findIndex(({ status }) => status === 200) + 1
    await until('the hub follows', () => (priorityOf('ping') === won ? true : undefined))
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
