// Nodes of a real API server and the blocks of their pods: advertised by the devices that they are, routed for other sites, and
// gone with the node.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { admin, resource } from '../../cloud/hub-world.fake.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { whyNoApiServer } from './api-server-program.ts'
import { startHubInCluster, until } from './hub-in-cluster.ts'

const node = (name: string, block: string, labels: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
  spec: { podCIDR: block, podCIDRs: [block] },
})

const why = whyNoApiServer()
if (why === undefined) {
  const hub = await startHubInCluster()
  const own = hub.world.hub
  const nodeOf = (name: string) => own.get('Node', name)?.resource as Resource<'Node'> | undefined
  const advertised = (name: string, ...blocks: readonly string[]): Promise<true> =>
    until(`${name} advertises ${blocks.join()}`, () =>
      JSON.stringify(nodeOf(name)?.spec.advertise) === JSON.stringify(blocks) ? true : undefined,
    )

  test.after(() => hub.stop())

  test('the pods of a node that is a device have a route, and no object of people is written to', async () => {
    own.put(resource('Node', 'alpha-1', { advertise: ['192.168.7.0/24'] }), admin)
    own.put(resource('Node', 'beta-1'), admin)
    await hub.apply(node('alpha-1', '10.42.0.0/24'), node('stranger', '10.42.9.0/24'))
    await advertised('alpha-1', '192.168.7.0/24', '10.42.0.0/24')
    await hub.accepted('routes/kube--pods--alpha-1', 'True')
    assert.equal((await hub.get('nodes/alpha-1'))?.spec['advertise'], ['192.168.7.0/24'])
    assert.is(own.get('Route', 'kube--pods--stranger'), undefined)
  })

  test('the same addresses at another site are told at the node', async () => {
    await hub.apply(node('beta', '10.42.0.0/24', { 'holdfast.dev/node': 'beta-1', 'holdfast.dev/pod-site': 'beta' }))
    await until('a condition says so', async () =>
      (await hub.get('nodes/beta-1'))?.status?.conditions.find(
        ({ message, reason }) => reason === 'PodsNotRouted' && message.includes('10.42.0.0/24'),
      ),
    )
    assert.equal(nodeOf('beta-1')?.spec.advertise, [])
  })

  test('a node that leaves takes its pods along, and then the other has the addresses', async () => {
    await hub.halt()
    await hub.kubectl(['delete', 'node', 'alpha-1'])
    hub.start()
    await advertised('alpha-1', '192.168.7.0/24')
    await advertised('beta-1', '10.42.0.0/24')
    assert.is(nodeOf('beta-1')?.spec.labels['holdfast.dev/pod-site'], 'beta')
    assert.is(nodeOf('alpha-1')?.spec.labels['holdfast.dev/pod-site'], undefined)
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
