// What a Service says of where it is published: by whom and at what, by whom not and why; and the hub hears it from the device.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { parseName } from '../../shared/ids.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { encodeStatus, type PublishedReport } from '../../shared/wire/report.ts'
import type { FleetNode } from '../hub.ts'
import { admin, createWorld, device, resource } from '../hub-world.fake.ts'
import { publishedAt } from './publishing.ts'

const spec = {
  ports: [{ port: 80 }],
  backends: {},
  publish: [{ gateways: { matchLabels: { role: 'gateway' } }, port: 80, from: ['LAN'] }],
}
const shop = resource('Service', 'shop', spec) as unknown as Resource<'Service'>
const gateway = (name: string) => ({ name, labels: { role: 'gateway' }, online: true })
const place = (service: string, at: string): PublishedReport => {
  return { service: parseName(service), at: parseEndpoint(at), protocol: 'TCP' }
}
const says = (name: string, published: readonly PublishedReport[], detail?: string) => {
  const health = detail === undefined ? [] : [{ code: 'not-published', detail }]
  return { name, health, report: { published } } as unknown as FleetNode
}

test('what gateways say of it, and what they do not', () => {
  const [a, b] = [gateway('a'), gateway('b')]
  const inner = resource('Service', 'inner', { ports: [{ port: 80 }], backends: {} }) as unknown as Resource<'Service'>
  assert.is(publishedAt(inner, [a], []), undefined)
  assert.is(publishedAt(shop, [], [])?.reason, 'NoGateways')
  const both = [
    says('a', [place('shop', '192.168.1.5:80')]),
    says('b', [place('shop', '[fd00::5]:80'), place('x', '10.0.0.1:9')]),
  ]
  assert.equal(publishedAt(shop, [a, b], both), {
    type: 'Published',
    status: 'True',
    reason: 'Published',
    message: 'TCP 192.168.1.5:80 by a, TCP [fd00::5]:80 by b',
  })
  const why = 'Service/shop is not published at 10.0.0.5 TCP port 80: nginx of this device listens there'
  const some = publishedAt(
    shop,
    [a, b],
    [says('a', [place('shop', '192.168.1.5:80')]), says('b', [], `Service/x is not; ${why}`)],
  )
  assert.equal([some?.status, some?.reason], ['Unknown', 'PartlyPublished'])
  assert.is(some?.message, `TCP 192.168.1.5:80 by a; not by b; b: ${why}`)
  assert.equal(publishedAt(shop, [a], [says('c', [place('shop', '10.0.0.1:80')])])?.reason, 'NotPublished')
})

test('the hub hears it from a device, and shows it', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  world.hub.put(resource('Node', 'alpha', { labels: { role: 'gateway' } }), admin)
  world.hub.put(resource('Service', 'shop', spec), admin)
  await world.pass()
  const { nodeId } = device(1)
  await world.presence(nodeId, true)
  await world.acknowledge(nodeId)
  const told = (): string | undefined => {
    const found = world.hub.get('Service', 'shop')?.status.conditions.find(({ type }) => type === 'Published')
    return `${found?.reason}: ${found?.message}`
  }
  assert.is(told(), 'NotPublished: not by alpha')
  const [report] = world.hub.fleet().flatMap(({ report: one }) => one ?? [])
  assert.ok(report !== undefined)
  const published = [place('shop', '192.168.1.5:80')]
  await world.say(nodeId, 'status', encodeStatus({ ...report, published }))
  assert.is(told(), 'Published: TCP 192.168.1.5:80 by alpha')
})

test.run()
