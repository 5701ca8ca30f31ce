// Every node in a line: those of intent, those that joined, and no more of them than a list of thousands can carry.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { rosterHealthMax } from '../../shared/dashboard-limits.ts'
import { parseName } from '../../shared/ids.ts'
import type { FleetNode } from '../hub.ts'
import { createWorld, device, resource } from '../hub-world.fake.ts'
import { rosterOf } from './roster.ts'

async function fleetNode(): Promise<FleetNode> {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.presence(device(1).nodeId, true)
  await world.acknowledge(device(1).nodeId)
  const [node] = world.hub.fleet()
  if (node === undefined) throw new TypeError('nobody joined')
  return node
}

function peer(name: string, path: 'lan' | 'relay' | 'none', rttUs?: number) {
  return { name: parseName(name), path, ...(rttUs === undefined ? {} : { rttUs }), rxBytes: 10, txBytes: 1 }
}

const intent = (name: string) => {
  const { metadata, spec } = resource('Node', name, { labels: { site: 'kiel' } }) as ReturnType<typeof resource> & {
    readonly spec: { readonly labels: Readonly<Record<string, string>> }
  }
  return { name: parseName(metadata.name), network: parseName('default'), labels: spec.labels, addresses: [] }
}

test('a line says how its node reaches its peers', async () => {
  const node = await fleetNode()
  const report = node.report as NonNullable<FleetNode['report']>
  const peers = [peer('b', 'lan', 300), peer('c', 'relay', 100), peer('d', 'none'), peer('e', 'lan', 200)]
  const told = { ...node, report: { ...report, peers, peersTotal: 4, peersReachable: 3 } }
  const [line] = rosterOf([intent('alpha')], [told]).items
  assert.equal(line?.paths, { lan: 2, relay: 1, none: 1 })
  assert.equal([line?.rttUs, line?.peers, line?.reachable, line?.rxBytes, line?.txBytes], [200, 4, 3, 40, 4])
  assert.equal([line?.state, line?.labels], ['online', { site: 'kiel' }])
})

test('who has not joined stands there too, and who joined without intent; by name', async () => {
  const node = await fleetNode()
  const { items } = rosterOf([intent('zulu')], [node])
  assert.equal(
    items.map(({ name, state }) => `${name} ${state}`),
    ['alpha online', 'zulu not-enrolled'],
  )
})

test('only the codes that occur are explained, and a node in much trouble is cut short', async () => {
  const node = await fleetNode()
  const health = Array.from({ length: 40 }, () => ({ code: 'disk-full', since: 1, detail: 'x'.repeat(500) }) as const)
  const { items, meanings } = rosterOf([], [{ ...node, health }])
  assert.equal(Object.keys(meanings), ['disk-full'])
  assert.is(meanings['disk-full']?.severity, 'warning')
  assert.is(items[0]?.health.length, rosterHealthMax)
  assert.is(items[0]?.health[0]?.detail?.length, 200)
})

test.run()
