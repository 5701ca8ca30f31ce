// Counters to records: nothing is counted twice or lost on the way, and each record says by which rule and between whom.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import type { Amount } from '../../shared/flows/batch.ts'
import { flowRecordsMax, flowsApartMax } from '../../shared/limits.ts'
import { compileTable } from '../../shared/policy/compile.ts'
import { fakeWorld } from '../../shared/policy/world.fake.ts'
import type { FlowCount, FlowSnapshot, ServiceCount } from './counters.ts'
import { deltasOf } from './deltas.ts'
import type { Scene } from './scene.ts'
import { type Summary, summarise } from './summary.ts'

const world = fakeWorld({
  policies: {
    web: {
      subject: { nodeSelector: { matchLabels: { role: 'db' } } },
      ingress: [{ from: [{ nodeSelector: { matchLabels: { role: 'web' } } }], ports: [{ port: 80 }] }],
    },
  },
})
const addressOf = (name: string): Address => {
  const address = world.endpoints.find((one) => one.name === name)?.addresses[0]
  if (address === undefined) throw new TypeError(name)
  return address
}
const [a, b] = [addressOf('a'), addressOf('b')]
const stranger = parseAddress('192.0.2.9')
const { table } = compileTable(world, 'b')
const scene: Scene = {
  policy: { interface: 'hf0', meshPort: 51_822, self: b, phases: [{ table }], forwards: [] },
  endpoints: new Map(world.endpoints.flatMap((one) => one.addresses.map((address) => [address, one] as const))),
  revision: '7',
}

const none: Amount = { packets: 0, bytes: 0 }
const amount = (packets: number): Amount => ({ packets, bytes: packets * 100 })

function flow(sourcePort: number, destinationPort: number, sent: number, back = 0): FlowCount {
  const [sentAmount, backAmount] = [amount(sent), amount(back)]
  return { source: a, destination: b, protocol: 6, sourcePort, destinationPort, sent: sentAmount, back: backAmount }
}

function asked(destinationPort: number, packets: number, source = a): ServiceCount {
  return { source, destination: b, protocol: 6, destinationPort, amount: amount(packets) }
}

function snapshot(flows: readonly FlowCount[], all: readonly ServiceCount[], unroomed = none): FlowSnapshot {
  const byKey = new Map(flows.map((one) => [`${one.source} ${one.sourcePort} ${one.destinationPort}`, one]))
  return { by: 'nft', epoch: 'e', fresh: false, flows: byKey, services: { count: 'asked', all }, unroomed, total: none }
}

function summaryOf(before: FlowSnapshot | undefined, after: FlowSnapshot): Summary {
  const deltas = deltasOf(before, after)
  return summarise({ deltas, scene, atMs: 1_000, wayTo: () => ({ path: 'relay', via: 'r' }) })
}

test('what passed is a record with names, labels, rule and path, and of the difference alone', () => {
  const { ends, records } = summaryOf(
    snapshot([flow(4_000, 80, 3, 2)], [asked(80, 3)]),
    snapshot([flow(4_000, 80, 10, 5)], [asked(80, 10)]),
  )
  assert.equal(records, [
    {
      source: a,
      destination: b,
      protocol: 6,
      sourcePort: 4_000,
      destinationPort: 80,
      direction: 'ingress',
      verdict: 'accept',
      reason: { kind: 'rule', policy: 'web', tier: 'Standard', direction: 'ingress', index: 0 },
      sent: amount(7),
      back: amount(3),
      path: 'relay',
      via: 'r',
    },
  ])
  assert.equal(
    ends.map(({ labels, name }) => [name, labels?.['role']]),
    [
      ['a', 'web'],
      ['b', 'db'],
    ],
  )
})

test('what was asked for and did not pass was dropped, with the policies that did not accept it', () => {
  const { records } = summaryOf(undefined, snapshot([flow(4_000, 80, 3)], [asked(80, 3), asked(81, 4)]))
  const denied = records.filter(({ verdict }) => verdict === 'drop')
  assert.is(denied.length, 1)
  assert.equal(denied[0]?.reason, { kind: 'isolated', direction: 'ingress', policies: ['web'] })
  assert.equal([denied[0]?.destinationPort, denied[0]?.sent], [81, amount(4)])
})

test('what is on its way while the kernel is asked is not called dropped', () => {
  assert.equal(summaryOf(undefined, snapshot([flow(4_000, 80, 3)], [asked(80, 4)])).records.length, 1)
})

test('counters that began anew count from zero', () => {
  const { records } = summaryOf(snapshot([flow(4_000, 80, 9, 9)], []), snapshot([flow(4_000, 80, 2, 1)], []))
  assert.equal([records[0]?.sent, records[0]?.back], [amount(2), amount(1)])
})

test('nothing new is no record', () => {
  const same = snapshot([flow(4_000, 80, 9, 9)], [asked(81, 3)])
  assert.equal(summaryOf(same, same).records, [])
})

test('many flows of one service are one record, and so is a scan of ports', () => {
  const many = Array.from({ length: flowsApartMax + 1 }, (_, n) => flow(4_000 + n, 80, 1, 1))
  const scan = Array.from({ length: 100 }, (_, n) => asked(1_000 + n, 1))
  const { records } = summaryOf(undefined, snapshot(many, [asked(80, flowsApartMax + 1), ...scan]))
  assert.is(records.length, 2)
  const [accepted, dropped] = records
  assert.equal([accepted?.flows, accepted?.sourcePort, accepted?.sent.packets], [flowsApartMax + 1, undefined, 9])
  assert.equal([dropped?.flows, dropped?.destinationPort, dropped?.sent.packets], [100, undefined, 100])
})

test('more than a batch takes is summed up, those that moved least first', () => {
  const flows = Array.from({ length: flowRecordsMax + 10 }, (_, n) => flow(4_000, n + 1, n + 1))
  const { crowded, records } = summaryOf(undefined, snapshot(flows, []))
  assert.is(records.length, flowRecordsMax)
  assert.equal(crowded, amount((10 * 11) / 2))
})

test('words of agents among themselves are left out', () => {
  const { records } = summaryOf(undefined, snapshot([flow(51_822, 51_822, 4, 4), flow(51_822, 80, 1)], []))
  assert.equal(
    records.map(({ destinationPort }) => destinationPort),
    [80],
  )
})

test('what the kernel says to a link is nobody’s flow', () => {
  const [link, all] = [parseAddress('fe80::7'), parseAddress('ff02::2')]
  const solicitation = { source: link, destination: all, protocol: 58, sourcePort: 0, destinationPort: 0 }
  const flows = [{ ...solicitation, sent: amount(1), back: none }]
  assert.equal(summaryOf(undefined, snapshot(flows, [asked(80, 1, link)])).records, [])
})

test('a flow that its other end opens anew is counted from its beginning', () => {
  const services = { count: 'dropped', all: [] } as const
  const look = (one: FlowCount): FlowSnapshot => ({
    ...snapshot([], []),
    by: 'bpf',
    flows: new Map([['k', one]]),
    services,
  })
  const first = flow(5_000, 80, 9, 9)
  const anew = { ...first, source: b, destination: a, sourcePort: 80, destinationPort: 5_000 }
  const { records } = summaryOf(look(first), look({ ...anew, sent: amount(10), back: none }))
  assert.equal(
    records.map(({ sent }) => sent.packets),
    [10],
  )
})

test('who is unknown has an address and nothing else', () => {
  const { ends } = summaryOf(undefined, snapshot([], [asked(443, 2, stranger)]))
  assert.ok(ends.some((one) => one.address === stranger && Object.keys(one).length === 1))
})

const step = fc.array(fc.tuple(fc.nat(3), fc.nat(5), fc.nat(9), fc.nat(9), fc.boolean()), { maxLength: 20 })

test('over any course of things the sum of all records is what the counters counted', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
      const held = new Map<string, FlowCount>()
      let before: FlowSnapshot | undefined
      let [counted, recorded] = [0, 0]
      for (const changes of steps) {
        for (const [port, source, sent, back, forgotten] of changes) {
          const key = `${port} ${source}`
          const last = held.get(key)
          // The kernel forgets a flow between two looks, and it is not back before the next.
          if (forgotten && before !== undefined && [...before.flows.values()].some((one) => one === last))
            held.delete(key)
          else if (!forgotten) {
            const one = flow(
              5_000 + source,
              80 + port,
              (last?.sent.packets ?? 0) + sent,
              (last?.back.packets ?? 0) + back,
            )
            held.set(key, one)
            counted += sent + back
          }
        }
        // What was forgotten and came again within one step can't be told from what went on.
        const after = snapshot([...held.values()], [])
        const { crowded, records } = summaryOf(before, after)
        const sums = records.map((one) => one.sent.packets + one.back.packets)
        recorded += sums.reduce((sum, one) => sum + one, crowded.packets)
        before = after
      }
      assert.ok(recorded <= counted, 'nothing twice')
      if (steps.every((changes) => changes.every(([, , , , forgotten]) => !forgotten))) assert.is(recorded, counted)
    }),
  )
})

test('the order in which the kernel tells it does not matter', () => {
  const flows = [flow(1, 80, 2), flow(2, 80, 2), flow(3, 81, 2), flow(4, 82, 2)]
  const services = [asked(90, 1), asked(91, 1), asked(80, 4)]
  const [one, other] = [snapshot(flows, services), snapshot(flows.toReversed(), services.toReversed())]
  assert.equal(summaryOf(undefined, one), summaryOf(undefined, other))
})

test.run()
