// A device's record of flows on its way to the hub: all of it, in order, none twice, whatever the wire, the disks and the
// processes at both ends do; and nothing of a record that is not what it was.

import { copyFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { queryFleetFlows } from '../../cloud/flows/fleet-flows.ts'
import { seededEntropy } from '../../shared/effects.fake.ts'
import { flowMeteredBytesPerDay, flowStoreAgeMsMax } from '../../shared/flow-limits.ts'
import { faultOf, pass, START_MS, upTo, withWire } from './flow-wire.fake.ts'

const HOUR_MS = 3_600_000

test('what is on record gets to the hub; at rest nothing is sent and nothing waits', () =>
  withWire(async (wire) => {
    wire.write(20)
    wire.join()
    await pass(wire)
    assert.equal(wire.held(), upTo(20))
    const { count } = wire.sent
    await pass(wire, 24 * HOUR_MS)
    assert.is(wire.sent.count, count)
    assert.is(wire.clock.untilNext(), Number.POSITIVE_INFINITY)
    wire.write(3)
    await pass(wire)
    assert.equal(wire.held(), upTo(23))
    assert.is(wire.sent.count, count + 1, 'three batches, one window')
    wire.restartDevice()
    wire.restartHub()
    await pass(wire)
    assert.equal(wire.held(), upTo(23))
    assert.is(faultOf(wire), undefined)
    assert.equal(wire.desk.ledgers()[0]?.told, 23)
  }))

test('what the hub takes beyond what all hubs do is asked once, also with nothing on record', () =>
  withWire(async (wire) => {
    wire.join()
    await pass(wire)
    assert.equal([wire.sent.count, wire.taken.has('outside')], [1, true])
    wire.cut()
    wire.restartDevice()
    wire.join()
    await pass(wire)
    assert.equal([wire.sent.count, wire.taken.has('outside')], [1, true])
  }))

test('what a device has first, after the hub came, waits no longer than what it had before', () =>
  withWire(async (wire) => {
    wire.taken.note(['outside'])
    wire.join()
    await pass(wire, 60_000)
    assert.is(wire.sent.count, 0)
    wire.write(1)
    await pass(wire, 12_000)
    assert.equal(wire.held(), upTo(1))
    wire.write(1)
    await pass(wire, 12_000)
    assert.equal(wire.held(), upTo(1), 'what comes later is gathered')
    await pass(wire)
    assert.equal(wire.held(), upTo(2))
  }))

test('nothing is sent while the hub is away, and all of it afterwards, in many windows', () =>
  withWire(async (wire) => {
    wire.write(3_000)
    await pass(wire, 24 * HOUR_MS)
    assert.is(wire.sent.count, 0)
    wire.join()
    await pass(wire, 5 * 60_000)
    assert.equal(wire.held(), upTo(3_000))
    assert.ok(wire.sent.count > 5, String(wire.sent.count))
  }))

test('whatever the wire loses, repeats, reorders, and whoever is killed: all is there in the end, none twice', async () => {
  const act = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
    fc.record({ kind: fc.constantFrom('device' as const, 'hub' as const, 'cut' as const) }),
  )
  const acts = fc.array(act, { maxLength: 14 })
  await fc.assert(
    fc.asyncProperty(acts, fc.integer({ min: 1, max: 1_000_000 }), async (list, seed) => {
      await withWire(
        async (wire) => {
          const luck = seededEntropy(seed)
          wire.fate = () => {
            const [times, late] = [luck.fraction(), luck.fraction() * 3_000]
            return times < 0.15 ? [] : times < 0.35 ? [late, late * 3 + 5] : [late]
          }
          let count = 0
          wire.join()
          for (const one of list) {
            if (one.kind === 'write') wire.write(one.count)
            else if (one.kind === 'pass') await pass(wire, one.ms)
            else if (one.kind === 'device') wire.restartDevice()
            else if (one.kind === 'hub') wire.restartHub()
            else {
              wire.cut()
              wire.join()
            }
            count += one.kind === 'write' ? one.count : 0
            const held = wire.held()
            assert.equal(held, upTo(held.length), 'what is there is a beginning, without gaps')
          }
          await pass(wire, 12 * HOUR_MS)
          assert.equal(wire.held(), upTo(count))
          assert.is(faultOf(wire), undefined)
        },
        { seed },
      )
    }),
    { numRuns: 12 },
  )
})

test('what the record let go of before the hub came shows as missing, by its numbers', () =>
  withWire(
    async (wire) => {
      wire.write(50)
      wire.join()
      await pass(wire)
      wire.cut()
      wire.write(500)
      wire.join()
      await pass(wire)
      const { oldest } = wire.ledger.checkpoint()
      assert.ok(oldest > 51)
      assert.equal(wire.held(), [...upTo(50), ...upTo(550, oldest)])
      const told = { first: 51, last: oldest - 1 }
      assert.equal(
        wire.store.missing(0).map(({ first, last }) => ({ first, last })),
        [told],
      )
      const states = wire.desk.ledgers()
      const query = { sinceMs: 0, afterId: 0, denied: false, limit: 10 }
      const [loss] = queryFleetFlows(wire.store, states, query).lostBefore
      assert.is(loss?.why, 'never-came')
      assert.is(faultOf(wire), undefined)
    },
    { ledgerBytesMax: 60_000 },
  ))

test('a metered link carries a share of the day, and the rest waits', () =>
  withWire(
    async (wire) => {
      wire.write(5_000)
      wire.join()
      await pass(wire, 24 * HOUR_MS)
      assert.ok(wire.held().length > 0)
      assert.ok(wire.sent.bytes < 1.5 * flowMeteredBytesPerDay, String(wire.sent.bytes))
      const { bytes } = wire.sent
      await pass(wire, 24 * HOUR_MS)
      const more = wire.sent.bytes - bytes
      assert.ok(more > 0 && more < 1.1 * flowMeteredBytesPerDay, String(more))
      assert.equal(wire.held(), upTo(wire.held().length))
    },
    { metered: true },
  ))

test('the store lets go of what is old', () =>
  withWire(async (wire) => {
    wire.write(5)
    wire.join()
    await pass(wire)
    wire.clock.setWall(wire.clock.now() + flowStoreAgeMsMax + 1)
    const now = wire.clock.now()
    wire.write(2, { from: now, to: now })
    await pass(wire)
    assert.is(wire.store.figures().batches, 2)
  }))

test('a full store lets go of the oldest, and goes on', () =>
  withWire(
    async (wire) => {
      wire.write(500)
      wire.join()
      await pass(wire)
      const held = wire.held()
      assert.ok(held.length < 500 && held.length > 20, String(held.length))
      assert.equal(held, upTo(500, held[0]))
      assert.ok(wire.store.figures().bytes <= 20_000)
      wire.restartHub()
      assert.is(wire.store.figures().batches, held.length)
    },
    { storeBytesMax: 20_000 },
  ))

test('a store that was damaged is set aside, and filled again by the device', () =>
  withWire(async (wire) => {
    wire.write(10)
    wire.join()
    await pass(wire)
    wire.restartHub(() => copyFileSync(import.meta.filename, wire.storePath))
    wire.write(1)
    await pass(wire)
    assert.equal(wire.held(), upTo(11))
  }))

test('a disk of the hub that takes no writes is a condition; nothing is acknowledged, and all of it comes later', () =>
  withWire(async (wire) => {
    wire.write(5)
    wire.isFull = true
    wire.join()
    await pass(wire, HOUR_MS)
    assert.is(faultOf(wire), 'flow-store-failed')
    assert.equal([wire.held(), wire.desk.figures().failing], [[], true])
    wire.isFull = false
    await pass(wire, 3 * HOUR_MS)
    assert.equal(wire.held(), upTo(5))
    assert.equal([faultOf(wire), wire.desk.figures().failing], [undefined, false])
  }))

test('people page through what is there, the newest first, and see who says so', () =>
  withWire(async (wire) => {
    wire.write(100)
    wire.join()
    await pass(wire)
    const states = wire.desk.ledgers()
    const query = { sinceMs: 0, afterId: 0, denied: false, limit: 30 }
    const seen: number[] = []
    let page = queryFleetFlows(wire.store, states, query)
    for (;;) {
      seen.unshift(...page.items.map(({ to }) => to - START_MS))
      if (page.next === undefined) break
      page = queryFleetFlows(wire.store, states, { ...query, before: page.next })
    }
    assert.equal(seen, upTo(100))
    assert.is(page.items[0]?.node, 'plc-7')
    const denied = queryFleetFlows(wire.store, states, { ...query, denied: true, limit: 1_000 })
    assert.is(denied.items.length, 33)
    assert.ok(denied.items.every(({ verdict }) => verdict === 'drop'))
    wire.write(2)
    await pass(wire)
    const later = queryFleetFlows(wire.store, states, { ...query, afterId: page.newest })
    assert.is(later.items.length, 2)
    assert.throws(() => queryFleetFlows(wire.store, states, { ...query, node: 'nobody' }), /no flows of a node/)
  }))

test.run()
