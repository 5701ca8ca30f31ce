// An agent at the edge of KubeEdge, which asks the MetaServer of its own host: the same reader as with an API server, whose
// objects are behind it. What was known holds while the cloud is away, and what changed meanwhile is known when it is back.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createClusterDoor } from '../../edge/drivers/cluster-door.ts'
import { readClusterAccess } from '../../edge/host/cluster-access.ts'
import { createOwnPods, type OwnPods } from '../../edge/pods/own-pods.ts'
import { createHealth } from '../../edge/report/health.ts'
import { createKeepsakes } from '../../edge/store/keepsakes.ts'
import { MemoryStore } from '../../edge/store/memory.fake.ts'
import { parseCidr } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { isReadyIn, type PodTable, podsIn } from '../../shared/fact/pod-table.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { whyNoApiServer } from './api-server-program.ts'
import { until } from './hub-in-cluster.ts'
import { type MetaServer, startMetaServer } from './meta-server.ts'
import { createNamespace, createPod, deletePod, setReady } from './pod-site.ts'

const NOBODY: PodTable = { words: [], namespaces: [], groups: [] }
const why = whyNoApiServer()
if (why === undefined) {
  let api: ApiServer
  let edge: MetaServer
  let own: OwnPods
  const store = new MemoryStore()
  const pod = (name: string, last: number) =>
    createPod(api, { namespace: 'shop', name, node: 'edge-1', labels: { app: name }, ip: `10.42.1.${last}` })
  const open = (): OwnPods => {
    const [clock, log] = [systemClock, memoryLog()]
    const health = createHealth({ clock })
    return createOwnPods({
      doors: {
        source: edge.url,
        node: 'edge-1',
        open: async () => createClusterDoor(() => readClusterAccess(edge.url, {}), clock),
      },
      clock,
      entropy: systemEntropy,
      log,
      health,
      keep: createKeepsakes(store, clock, health, log),
      store,
      advertise: () => [parseCidr('10.42.1.0/24')],
      onChange: () => undefined,
    })
  }
  const told = (...names: readonly string[]): Promise<true> =>
    until(names.join(), () => {
      const table = own.table()
      const seen = table === undefined ? [] : podsIn(table).map(({ name }) => name)
      return seen.join() === names.join() ? true : undefined
    })

  test.before(async () => {
    api = await startApiServer()
    await createNamespace(api, 'shop', { team: 'sales' })
    edge = await startMetaServer(api)
    own = open()
  })
  test.after(async () => {
    own.stop()
    await edge.close()
    await api.stop()
  })

  test('it is read by its paths, without pages and bookmarks, and followed', async () => {
    await pod('web', 11)
    await createPod(api, { namespace: 'shop', name: 'far', node: 'edge-2', labels: {}, ip: '10.42.1.99' })
    own.start()
    await told('web')
    await pod('db', 12)
    await told('db', 'web')
    assert.equal(podsIn(own.table() ?? NOBODY)[0]?.namespaceLabels['team'], 'sales')
    assert.ok(
      edge.asked.some((one) => one.startsWith('GET /api/v1/pods?') && one.includes('edge-1')),
      edge.asked.join(),
    )
    assert.ok(edge.asked.some((one) => one.startsWith('GET /api/v1/namespaces')))
  })

  test('without the cloud what was known holds, for an agent that starts anew too, and nothing was ever written', async () => {
    const before = own.table()
    await edge.goOffline()
    await until('it waits', () => (own.view()?.state === 'waiting' ? true : undefined))
    assert.is(own.table(), before)
    own.stop()
    own = open()
    own.load()
    own.start()
    await told('db', 'web')
    assert.ok(edge.asked.every((one) => one.startsWith('GET ')))
  })

  test('what became of pods meanwhile is known when the cloud is back', async () => {
    await deletePod(api, 'shop', 'db')
    await setReady(api, 'shop', 'web', false)
    await pod('late', 13)
    edge.goOnline()
    await told('late', 'web')
    await until('web is not ready', () => {
      const table = own.table()
      return table !== undefined && isReadyIn(table, { namespace: 'shop', name: 'web' } as never) === false
        ? true
        : undefined
    })
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
