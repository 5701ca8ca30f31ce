// Who asked from outside: the same record whichever way flows are counted, nobody named who did not ask, and as many as a batch
// has room for.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { flowOutsidesMax } from '../../shared/flow-limits.ts'
import { parseName } from '../../shared/ids.ts'
import { flowRecordsMax, flowsApartMax } from '../../shared/limits.ts'
import type { Published } from '../services/publish.ts'
import type { FlowCount, Led } from './counters.ts'
import { type OutsideInput, withOutside } from './outside.ts'
import { emptyScene } from './scene.ts'
import { summarise } from './summary.ts'

const at = parseAddress
const [SELF, SELF6, BACKEND, VIRTUAL] = [at('10.7.0.1'), at('fd07::1'), at('10.7.0.2'), at('10.7.9.9')]
const [GATE, TILL, OTHER] = [at('192.168.77.1'), at('192.168.77.11'), at('192.168.77.12')]
const amount = (packets: number) => ({ packets, bytes: packets * 100 })

const place: Published = {
  service: parseName('shop'),
  interface: 'eth1',
  address: GATE,
  protocol: 'tcp',
  port: 8_000,
  from: [parseCidr('192.168.77.0/24')],
  virtual: VIRTUAL,
  servicePort: 80,
}
const byName: Published = { ...place, port: 443, servicePort: 443, led: { by: 'TLS', hostnames: ['shop.example.com'] } }

const led: Led = {
  protocol: 6,
  source: TILL,
  sourcePort: 50_000,
  destination: GATE,
  destinationPort: 8_000,
  by: 61_000,
  backend: BACKEND,
  backendPort: 8_080,
}

function flow(
  source: Address,
  sourcePort: number | undefined,
  destination: Address,
  destinationPort: number,
): FlowCount {
  const port = sourcePort === undefined ? {} : { sourcePort }
  return { source, destination, protocol: 6, ...port, destinationPort, sent: amount(3), back: amount(2) }
}

function sight(more: Partial<OutsideInput> = {}): OutsideInput {
  return { places: [place, byName], gate: [], led: [led], own: [SELF, SELF6], ...more }
}

const asked = { address: TILL, port: 50_000, service: 'shop' }
const beyond = flow(SELF, 61_000, BACKEND, 8_080)

test('a flow through a published port is the gateway’s to the backend, whichever way it is counted', () => {
  const [seenBehind, seenBefore] = withOutside([beyond, flow(TILL, 50_000, GATE, 8_000)], sight())
  assert.equal(seenBehind, { ...beyond, outside: asked })
  assert.equal(seenBefore, seenBehind)
})

test('who asks for something else, or is somebody else, is left as he is', () => {
  const others = [
    flow(SELF, 61_001, BACKEND, 8_080),
    flow(SELF, 61_000, BACKEND, 8_081),
    flow(at('10.7.0.3'), 61_000, BACKEND, 8_080),
    flow(TILL, 50_000, GATE, 8_001),
    flow(SELF, undefined, BACKEND, 8_080),
    { ...beyond, protocol: 17 },
  ]
  assert.equal(withOutside(others, sight()), others)
  // The kernel leads others, too: from here to a service, and by rules that are nobody's of ours.
  const foreign = { ...led, destinationPort: 9_000 }
  assert.equal(withOutside([beyond], sight({ led: [foreign, { ...led, source: SELF, destination: VIRTUAL }] })), [
    beyond,
  ])
})

test('where the kernel had no room for how a flow goes on, the service is what is known of it', () => {
  const through = { source: SELF, destination: VIRTUAL, destinationPort: 80 }
  const { sourcePort: _port, ...plain } = flow(TILL, 50_000, GATE, 8_000)
  assert.equal(withOutside([flow(TILL, 50_000, GATE, 8_000)], sight({ led: [] })), [
    { ...plain, ...through, outside: asked },
  ])
  const { port: _, ...who } = asked
  assert.equal(withOutside([flow(TILL, undefined, GATE, 8_000)], sight({ led: [] })), [
    { ...plain, ...through, outside: who },
  ])
  const six = { ...place, address: at('fd00:77::1'), virtual: at('fd07::9') }
  const [asIs] = withOutside(
    [flow(at('fd00:77::11'), 1, at('fd00:77::1'), 8_000)],
    sight({ places: [six], own: [SELF] }),
  )
  assert.is(asIs?.outside, undefined, 'without an address of that family in the mesh nothing is made up')
})

test('what the gate leads is its own flow, with who asked', () => {
  const gate = [{ port: 40_000, to: { address: VIRTUAL, port: 443 }, outside: { address: OTHER, port: 52_000 } }]
  const said = { address: OTHER, port: 52_000, service: 'shop' }
  const toService = flow(SELF, 40_000, VIRTUAL, 443)
  const toBackend = flow(SELF, 40_000, BACKEND, 8_443)
  const own = {
    source: SELF,
    sourcePort: 40_000,
    destination: VIRTUAL,
    destinationPort: 443,
    by: 40_000,
    backendPort: 8_443,
  }
  assert.equal(withOutside([toService, toBackend], sight({ gate, led: [{ ...led, ...own }] })), [
    { ...toService, outside: said },
    { ...toBackend, outside: said },
  ])
  // A program of this node from the same port to another place.
  const elsewhere = [flow(SELF, 40_000, BACKEND, 8_080), flow(SELF, 40_000, VIRTUAL, 80)]
  assert.equal(withOutside(elsewhere, sight({ gate, led: [{ ...led, ...own }] })), elsewhere)
})

test('many who ask are one record each, those beyond the bound one together, and nobody else is pushed off the record', () => {
  const strangers = Array.from({ length: 1_000 }, (_, n) =>
    flow(at(`198.51.${n >> 8}.${n & 255}`), 50_000, GATE, 8_000),
  )
  const busy = Array.from({ length: 2 * flowsApartMax }, (_, n) => flow(TILL, 40_000 + n, GATE, 8_000))
  const plain = flow(BACKEND, 1_234, SELF, 22)
  const flows = withOutside([...strangers, plain, ...busy], sight({ led: [] }))
  const deltas = { flows, dropped: [], unroomed: amount(0) }
  const { crowded, records } = summarise({ deltas, scene: emptyScene, atMs: 1, wayTo: () => undefined })
  assert.equal(crowded, amount(0))
  assert.ok(records.length < flowRecordsMax)
  const told = records.flatMap(({ outside }) => outside?.address ?? [])
  assert.is(told.length, flowOutsidesMax)
  const till = records.find(({ outside }) => outside?.address === TILL)
  assert.equal(till?.outside, { address: TILL, service: 'shop' })
  assert.equal([till?.flows, till?.sent], [busy.length, amount(3 * busy.length)])
  const rest = records.find(({ outside }) => outside !== undefined && outside.address === undefined)
  assert.equal([rest?.outside, rest?.flows], [{ service: 'shop' }, strangers.length - (flowOutsidesMax - 1)])
  assert.ok(records.some(({ destinationPort, outside }) => destinationPort === 22 && outside === undefined))
})

test.run()
