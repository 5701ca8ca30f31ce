// Flows of the fleet as people ask for them: a stranger of then who is known now is found and shown by name, and told apart.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName, parseNodeId } from '../../shared/ids.ts'
import { createWorld, resource } from '../hub-world.fake.ts'
import { queryFleetFlows } from './fleet-flows.ts'
import type { FlowStore, LedgerState } from './flow-store.ts'
import { namesNow } from './names-now.ts'

const node = parseNodeId('a'.repeat(16))
const states = [
  { node, name: parseName('plc-7'), network: 'default', count: 1, told: 1, at: 5 } as unknown as LedgerState,
]
const none = { packets: 0, bytes: 0 }

function storeOf(source: string, more: object = {}): FlowStore {
  const ends = [{ address: '10.77.0.99', name: 'plc-7' }]
  const flow = { source, destination: '10.77.0.99', protocol: 6, destinationPort: 502, direction: 'ingress' }
  const reason = { kind: 'isolated', direction: 'ingress', policies: ['plc'] }
  const records = [{ ...flow, verdict: 'drop', reason, sent: none, back: none, ...more }]
  const batch = { from: 1, to: 2, boot: 1, revision: '4', ends, records, lostBefore: [] }
  const entry = { id: 1, seq: 1, node, batch }
  return { newest: () => [entry], newestId: () => 1, missing: () => [] } as unknown as FlowStore
}

test('a stranger of then has the name that the hub gave its address since, beside what stands on record', async () => {
  const { hub } = createWorld()
  await hub.start()
  hub.putAll([resource('Node', 'newcomer', {})], { name: 'anna', role: 'admin' })
  const address = hub.intended('Node')[0]?.addresses[0] ?? ''
  const query = { sinceMs: 0, afterId: 0, denied: false, limit: 10 }
  const names = namesNow((kind) => hub.intended(kind))
  const ask = (peer?: string) => queryFleetFlows(storeOf(address), states, { ...query, peer }, names).items
  const [flow] = ask('newcomer')
  assert.equal([flow?.source, flow?.sourceNow, flow?.destinationNow], [{ address }, 'newcomer', undefined])
  assert.equal([ask(address).length, ask('plc-7').length, ask('somebody').length], [1, 1, 0])
  // The same address in another network is somebody else's.
  assert.is(names('other', address), undefined)
  const [unknown] = queryFleetFlows(storeOf('192.0.2.1'), states, query, names).items
  assert.is(unknown?.sourceNow, undefined)
  await hub.stop()
})

test('who asked from outside is found by address, and by the service that was asked for', () => {
  const store = storeOf('10.77.0.1', { outside: { address: '203.0.113.9', port: 52_100, service: 'shop' } })
  const query = { sinceMs: 0, afterId: 0, denied: false, limit: 10 }
  const count = (peer: string): number => queryFleetFlows(store, states, { ...query, peer }).items.length
  assert.equal(['203.0.113.9', 'shop', '10.77.0.1', '203.0.113.8'].map(count), [1, 1, 1, 0])
})

test.run()
