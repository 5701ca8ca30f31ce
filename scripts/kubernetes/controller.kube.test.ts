// The hub's controller at a real API server, with the rights of examples/kubernetes/hub-role.yaml and no others.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apiVersion } from '../../shared/intent/resource.ts'
import { whyNoApiServer } from './api-server-program.ts'
import { defineGateways } from './define-gateways.ts'
import { type Body, examples, startHubInCluster, until } from './hub-in-cluster.ts'

const SETTLED_MS = 2_500

const why = whyNoApiServer()
if (why === undefined) {
  const hub = await startHubInCluster()
  const { accepted, api, apply, get, kubectl, lines, world } = hub

  const policy = (name: string, spec: object = {}): object => ({
    apiVersion,
    kind: 'Policy',
    metadata: { name },
    spec: { subject: { nodeSelector: {} }, ...spec },
  })
  const priorityOf = (name: string): number | undefined => {
    const resource = world.hub.get('Policy', name)?.resource
    return resource?.kind === 'Policy' ? resource.spec.priority : undefined
  }
  test.after(() => hub.stop())

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
    await hub.halt()
    assert.is((await api.ask('PATCH', path, patch, 'application/merge-patch+json')).status, 200)
    assert.is((await api.ask('DELETE', path)).status, 200)
    hub.start()
    await accepted('policies/ping', 'True')
    assert.ok(world.hub.get('Policy', 'ping') !== undefined)
  })

  test('a deletion while the hub is away is carried out when it is back', async () => {
    await hub.halt()
    await kubectl(['delete', 'hfpol', 'ssh-within-alpha', '--wait=false'])
    assert.ok((await get('policies/ssh-within-alpha'))?.metadata.deletionTimestamp !== undefined)
    hub.start()
    await until('it is gone', async () => ((await get('policies/ssh-within-alpha')) === undefined ? true : undefined))
    assert.is(world.hub.get('Policy', 'ssh-within-alpha'), undefined)
  })

  test('an API server that is away changes nothing, and is followed again when it is back', async () => {
    const before = (await get('policies/ping'))?.metadata.resourceVersion ?? ''
    await api.halt()
    await until('the hub notices', () => lines.find(({ message }) => message.includes('is not heard')))
    assert.ok(world.hub.get('Policy', 'ping') !== undefined)
    // Nor does it know any more what was when it was heard last.
    await api.forget()
    await api.resume()
    await apply(policy('afterwards'))
    await accepted('policies/afterwards', 'True')
    const watch = `/apis/${apiVersion}/policies?watch=true&timeoutSeconds=1&resourceVersion=${before}`
    assert.is(
      ((await api.ask('GET', watch)).body as { readonly object?: { readonly code?: number } }).object?.code,
      410,
    )
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

  defineGateways(test, hub)
  test.run()
} else process.stdout.write(`skip: ${why}\n`)
