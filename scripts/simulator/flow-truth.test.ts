// What the hub makes of a record of flows that is not what it was: cut, edited, forked, signed by somebody else, or garbage.

import { copyFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { signerFromSeed } from '../../shared/host/crypto.ts'
import { faultOf, node, pass, upTo, withWire } from './flow-wire.fake.ts'

const HOUR_MS = 3_600_000

function change(path: string, sql: string): void {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

test('a record that somebody cut is refused, what the hub has stays, and people may go on with it', () =>
  withWire(async (wire) => {
    wire.write(10)
    wire.join()
    await pass(wire)
    const old = `${wire.ledgerPath}.old`
    wire.restartDevice(() => copyFileSync(wire.ledgerPath, old))
    wire.write(5)
    await pass(wire)
    assert.equal(wire.held(), upTo(15))
    wire.restartDevice(() => copyFileSync(old, wire.ledgerPath))
    wire.write(2)
    await pass(wire)
    assert.is(faultOf(wire), 'flow-ledger-cut')
    assert.match(wire.desk.fault(node)?.detail ?? '', /15 batches were here .* ever been 12/)
    assert.is(wire.audit.filter(({ verb }) => verb === 'refused').length, 1)
    await pass(wire, 5 * HOUR_MS)
    assert.equal(wire.held(), upTo(15))
    assert.is(wire.audit.length, 1, 'told once')
    wire.restartHub()
    assert.is(faultOf(wire), 'flow-ledger-cut', 'a restart of the hub forgets nothing')
    wire.write(8)
    await pass(wire, 2 * HOUR_MS)
    assert.is(faultOf(wire), 'flow-ledger-forked', 'by now it is longer, and another one')
    wire.desk.accept(node)
    await pass(wire, 2 * HOUR_MS)
    assert.equal(wire.held(), upTo(25), 'those of both, and none twice')
    assert.equal(wire.store.missing(0), [])
    assert.is(faultOf(wire), undefined)
    assert.throws(() => wire.desk.accept(node), /nothing is wrong/)
  }))

test('a batch that was edited on the device is refused, and nothing behind it is taken', () =>
  withWire(async (wire) => {
    wire.write(10)
    wire.join()
    await pass(wire)
    wire.cut()
    wire.write(10)
    const edit =
      'UPDATE link SET batch = CAST(replace(CAST(batch AS TEXT), \'"drop"\', \'"accept"\') AS BLOB) WHERE seq = 15'
    wire.restartDevice(() => change(wire.ledgerPath, edit))
    wire.join()
    await pass(wire)
    assert.is(faultOf(wire), 'flow-ledger-edited')
    assert.equal(wire.held(), upTo(10))
  }))

test('what somebody changes on its way is refused, and taken once it comes as it was', () =>
  withWire(async (wire) => {
    wire.write(10)
    wire.twist = (payload) => payload.map((byte, at) => (at === payload.length - 20 ? byte ^ 1 : byte))
    wire.join()
    await pass(wire, HOUR_MS)
    assert.equal(wire.held(), [])
    wire.twist = (payload) => payload
    await pass(wire, 3 * HOUR_MS)
    assert.equal(wire.held(), upTo(10))
    assert.is(faultOf(wire), undefined)
  }))

test('a device that honestly begins anew is told apart: no fault, and a line in the audit log', () =>
  withWire(async (wire) => {
    wire.write(10)
    wire.join()
    await pass(wire)
    wire.restartDevice(() => change(wire.ledgerPath, 'DELETE FROM link WHERE seq = 10'))
    wire.write(4)
    await pass(wire)
    assert.is(faultOf(wire), undefined)
    assert.equal(wire.held(), upTo(15))
    assert.equal(
      wire.audit.map(({ verb }) => verb),
      ['flow-ledger-anew'],
    )
    // The same word once more excuses nothing.
    const old = `${wire.ledgerPath}.old`
    wire.restartDevice(() => copyFileSync(wire.ledgerPath, old))
    wire.write(5)
    await pass(wire)
    wire.restartDevice(() => copyFileSync(old, wire.ledgerPath))
    wire.write(1)
    await pass(wire)
    assert.is(faultOf(wire), 'flow-ledger-cut')
  }))

test('a device that changes its key goes on, whoever of the two is restarted', () =>
  withWire(async (wire) => {
    wire.write(3)
    wire.join()
    await pass(wire)
    wire.rotateKey()
    wire.write(3)
    await pass(wire)
    assert.equal(wire.held(), upTo(6))
    wire.restartDevice()
    wire.restartHub()
    wire.write(3)
    await pass(wire)
    assert.equal([wire.held(), wire.refused], [upTo(9), []])
  }))

test('who signs with another key is not believed', () =>
  withWire(
    async (wire) => {
      wire.write(3)
      wire.join()
      await pass(wire, HOUR_MS)
      assert.equal(wire.held(), [])
      assert.match(wire.refused[0] ?? '', /unknown key/)
    },
    { imposter: signerFromSeed(new Uint8Array(32).fill(9)) },
  ))

test('garbage of any kind is refused, and the desk goes on', () =>
  withWire(async (wire) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        wire.desk.hear(node, bytes, () => undefined)
        await pass(wire, 10)
      }),
      { numRuns: 300 },
    )
    wire.write(3)
    wire.join()
    await pass(wire)
    assert.equal(wire.held(), upTo(3))
  }))

test.run()
