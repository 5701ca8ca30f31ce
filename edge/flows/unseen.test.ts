// What was counted in total and in no flow is lost, and nothing that only passed while the kernel was asked is called so.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { FlowCount, FlowSnapshot } from './counters.ts'
import type { Deltas } from './deltas.ts'
import { createUnseen } from './unseen.ts'

const amount = (packets: number) => ({ packets, bytes: packets * 10 })

function flowOf(packets: number): FlowCount {
  const [source, destination] = [parseAddress('10.7.0.1'), parseAddress('10.7.0.2')]
  return { source, destination, protocol: 6, sourcePort: 1, destinationPort: 2, sent: amount(packets), back: amount(0) }
}

function look(first: number, last: number, epoch = 'e'): FlowSnapshot {
  const services = { count: 'dropped', all: [] } as const
  const sums = { total: amount(last), totalAtFirst: amount(first) }
  return { by: 'bpf', epoch, fresh: false, flows: new Map(), services, unroomed: amount(0), ...sums }
}

function deltas(packets: number): Deltas {
  return { flows: [flowOf(packets)], dropped: [], unroomed: amount(0) }
}

test('a flow that lost its place before anybody looked is told, once', () => {
  const unseen = createUnseen()
  assert.is(unseen.note(look(100, 100), deltas(0)).packets, 0)
  assert.is(unseen.note(look(150, 150), deltas(43)).packets, 7)
  assert.is(unseen.note(look(160, 160), deltas(10)).packets, 0)
  assert.is(unseen.note(look(20, 20, 'f'), deltas(0)).packets, 0, 'another count begins anew')
})

test('under steady traffic, with looks that take their time, nothing is made up and what is lost is found in the end', () => {
  const step = fc.record({ between: fc.nat(1_000), during: fc.nat(100), lost: fc.nat(5) })
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 30 }), (steps) => {
      const unseen = createUnseen()
      let [total, carried, lost, told] = [0, 0, 0, 0]
      unseen.note(look(0, 0), deltas(0))
      for (const one of steps) {
        total += one.between + one.lost
        const first = total
        total += one.during
        lost += one.lost
        // Of what passes during the look, flows have some part already.
        const early = one.during >> 1
        told += unseen.note(look(first, total), deltas(carried + one.between + early)).packets
        carried = one.during - early
        assert.ok(told <= lost, `${told} of ${lost}`)
      }
      told += unseen.note(look(total, total), deltas(carried)).packets
      assert.is(told, lost)
    }),
  )
})

test.run()
