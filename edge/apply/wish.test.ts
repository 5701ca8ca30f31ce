// What a device should look like follows from the pods that nodes tell of, too, and is worked out anew only where they changed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { packPods } from '../../shared/fact/pack-pods.ts'
import { type PodTable, succeedPods } from '../../shared/fact/pod-table.ts'
import { type NodeId, parseName } from '../../shared/ids.ts'
import { podTableBytesMax } from '../../shared/pod-limits.ts'
import { lookUp, type Table } from '../../shared/policy/table.ts'
import { fakeRecords, fakeWgKey } from '../../shared/record/parsed.fake.ts'
import type { EndpointBook } from '../paths/endpoint-book.ts'
import type { Running } from '../trust/compose.ts'
import { createWishes } from './wish.ts'

const records = fakeRecords({
  nodes: [
    { name: 'here', advertise: ['10.42.1.0/24'] },
    { name: 'there', advertise: ['10.42.2.0/24'] },
  ],
  policies: {
    sql: {
      subject: { podSelector: { matchLabels: { app: 'db' } } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 5_432 }] }],
    },
  },
  routes: { pods: { destination: '10.42.1.0/24', via: {}, nat: 'none' } },
})
const [here, there] = records.nodes
const DB = parseAddress('10.42.1.9')

function tableOf(app: string, address: string): PodTable {
  const pod = { namespace: parseName('default'), name: app, labels: { app }, addresses: [parseAddress(address)] }
  return packPods([pod], [], podTableBytesMax).table
}

function rig() {
  const told = new Map<NodeId | undefined, PodTable>()
  const self = { asked: 0, revision: 0, here: true }
  const pods = {
    here: true,
    revision: () => self.revision,
    of(node: NodeId) {
      self.asked += 1
      const podTable = told.get(node)
      return podTable === undefined ? undefined : { podTable }
    },
  }
  const endpoints = { chosen: new Map(), isQuiet: () => false, revision: () => 1 } as unknown as EndpointBook
  const settings = { interface: 'hf0', listenPort: 51_820, meshPort: 51_822 } as Parameters<typeof createWishes>[2]
  const keys = { wgKey: () => fakeWgKey(1) }
  const wishes = createWishes(here?.nodeId ?? ('' as NodeId), keys, settings, endpoints, undefined, undefined, pods)
  const held = { parsed: { records } } as unknown as Running
  const tell = (node: typeof here, table: PodTable): void => {
    told.set(node?.nodeId, succeedPods(table, told.get(node?.nodeId)))
    self.revision += 1
  }
  return { of: () => wishes.of(held, [], ''), self, tell }
}

function verdict(table: Table | undefined, from: string): string | undefined {
  const asked = { local: DB, direction: 'ingress', other: from as Address, protocol: 'TCP', port: 5_432 } as const
  return table === undefined ? undefined : lookUp(table, asked)?.verdict
}

test('policy speaks of pods of both sites, by who they are, whatever their address', () => {
  const { of, tell } = rig()
  const table = (): Table | undefined => of().desired.policy.phases[0]?.table
  assert.is(verdict(table(), '10.42.2.7'), undefined)
  tell(here, tableOf('db', DB))
  assert.is(verdict(table(), '10.42.2.7'), 'drop')
  tell(there, tableOf('web', '10.42.2.7'))
  assert.is(verdict(table(), '10.42.2.7'), 'accept')
  tell(there, tableOf('web', '10.42.2.8'))
  assert.equal([verdict(table(), '10.42.2.7'), verdict(table(), '10.42.2.8')], ['drop', 'accept'])
  tell(there, tableOf('batch', '10.42.2.8'))
  assert.is(verdict(table(), '10.42.2.8'), 'drop')
})

test('while no pod changes, nobody is asked', () => {
  const { of, self, tell } = rig()
  tell(there, tableOf('web', '10.42.2.7'))
  const first = of()
  const before = self.asked
  assert.is(of(), first)
  assert.is(self.asked, before)
})

test('where pods are read, their sources are kept from what their network does to them', () => {
  assert.match(rig().of().desired.ruleset, 'snat ip prefix to ip saddr map { 10.42.1.0/24 : 10.42.1.0/24 }')
})

test.run()
