// The gate: what a device takes from a hub, and everything it must refuse.

import { boolean, assert as check, integer, nat, property, uint8Array } from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseNetworkId } from '../../shared/ids.ts'
import { encodeDelta, frame } from '../../shared/record/delta.ts'
import { FakeHub, testSigner } from '../link/hub.fake.ts'
import { a, begin, c, codeOf } from './accept.fake.ts'
import { acceptDelta, acceptHead, acceptSnapshot, openHeld } from './accept.ts'

test('a first snapshot is accepted and verifies again from the store', () => {
  const { hub, held } = begin()
  assert.equal(held.version, { epoch: 1, revision: 1 })
  const again = openHeld(hub.anchors, { head: held.envelope, version: held.version, records: held.records })
  assert.equal(again.head, held.head)
})

test('a delta leads to the same set as a snapshot', () => {
  const { hub, held } = begin()
  hub.putNode(c).remove('node/a').commit()
  const delta = acceptDelta(hub.anchors, held, hub.delta(held.version) ?? new Uint8Array())
  const whole = acceptSnapshot(hub.anchors, held, hub.snapshot())
  assert.equal(new Map(delta.next.records), new Map(whole.next.records))
  assert.equal(delta.change.del, ['node/a'])
  assert.equal([...delta.change.put.keys()], ['node/c'])
  assert.is(held.records.has('node/a'), true, 'what was held is untouched')
  assert.is(held.tree.size, 3)
})

test('a change costs one signature check: its own, neither its keys nor its head a second time', () => {
  const { hub, held } = begin()
  let checks = 0
  const verify: typeof hub.anchors.verify = (...signed) => {
    checks++
    return hub.anchors.verify(...signed)
  }
  const anchors = { ...hub.anchors, verify }
  hub.putNode(c).commit()
  const { next } = acceptDelta(anchors, held, hub.delta(held.version) ?? new Uint8Array())
  assert.is(acceptHead(anchors, next, hub.latest.head.slice()).revision, 2)
  assert.is(checks, 1)
})

test('older, equal and replayed revisions are refused', () => {
  const { hub, held } = begin()
  const first = hub.latest
  hub.putNode(c).commit()
  const { next } = acceptSnapshot(hub.anchors, held, hub.snapshot())
  const delta = hub.delta(first.version) ?? new Uint8Array()
  assert.is(
    codeOf(() => acceptSnapshot(hub.anchors, next, hub.snapshot(first))),
    'stale',
  )
  assert.is(
    codeOf(() => acceptSnapshot(hub.anchors, next, hub.snapshot())),
    'stale',
  )
  assert.is(
    codeOf(() => acceptDelta(hub.anchors, next, delta)),
    'stale',
  )
  assert.is(
    codeOf(() => acceptHead(hub.anchors, next, first.head)),
    'stale',
  )
  assert.is(acceptHead(hub.anchors, next, hub.latest.head).revision, 2)
})

test('a higher epoch outranks every revision, and only a snapshot leads there', () => {
  const { hub, held } = begin()
  hub.putNode(c)
  hub.commit({ epoch: 2, revision: 1 })
  assert.is(
    codeOf(() => acceptDelta(hub.anchors, held, hub.delta(held.version) ?? new Uint8Array())),
    'wrong-base',
  )
  const { next } = acceptSnapshot(hub.anchors, held, hub.snapshot())
  assert.equal(next.version, { epoch: 2, revision: 1 })
})

test('a delta from another base is told apart', () => {
  const { hub, held } = begin()
  hub.putNode(c).commit()
  const second = hub.latest
  hub.remove('node/c').commit()
  assert.is(
    codeOf(() => acceptDelta(hub.anchors, held, hub.delta(second.version) ?? new Uint8Array())),
    'wrong-base',
  )
  assert.is(
    codeOf(() => acceptDelta(hub.anchors, undefined, hub.delta(second.version) ?? new Uint8Array())),
    'wrong-base',
  )
})

test('a foreign network, a foreign root and a foreign key are refused', () => {
  const { hub, held } = begin()
  const other = new FakeHub(parseNetworkId('otherneaaaaa')).putNode(a)
  other.commit()
  assert.is(
    codeOf(() => acceptSnapshot(hub.anchors, held, other.snapshot())),
    'untrusted',
  )
  hub.signer = testSigner(9)
  hub.putNode(c).commit()
  const anchors = { ...hub.anchors, certificates: [hub.certificate(testSigner(2))] }
  assert.is(
    codeOf(() => acceptSnapshot(anchors, held, hub.snapshot())),
    'untrusted',
  )
  assert.is(
    codeOf(() => acceptHead({ ...anchors, root: testSigner(5).publicKey }, undefined, hub.latest.head)),
    'untrusted',
  )
})

test('a set that does not hash to its head is refused', () => {
  const { hub, held } = begin()
  const honest = hub.latest
  hub.putNode(c).commit()
  const { records, head } = hub.latest
  const short = new Map([...records].filter(([id]) => id !== 'node/b'))
  assert.is(
    codeOf(() => acceptSnapshot(hub.anchors, held, hub.snapshot({ ...hub.latest, records: short }))),
    'bad-root',
  )
  const swapped = new Map(records).set('node/b', honest.records.get('node/b') ?? new Uint8Array())
  swapped.delete('node/c')
  const put = new Map([['node/b', records.get('node/b') ?? new Uint8Array()]])
  const lying = encodeDelta({ from: held.version, to: hub.latest.version, put, del: [] }, head)
  assert.is(
    codeOf(() => acceptDelta(hub.anchors, held, lying)),
    'bad-root',
  )
})

test('two sets of one revision are a fork', () => {
  const { hub, held } = begin()
  const fork = new FakeHub().putNode(c)
  fork.commit()
  assert.is(
    codeOf(() => acceptHead(hub.anchors, held, fork.latest.head)),
    'bad-root',
  )
})

test('a stored set that was changed does not verify', () => {
  const { hub, held } = begin()
  const set = { head: held.envelope, version: held.version, records: held.records }
  const without = new Map([...held.records].filter(([id]) => id !== 'node/b'))
  assert.is(
    codeOf(() => openHeld(hub.anchors, { ...set, records: without })),
    'bad-root',
  )
  const bytes = (held.records.get('node/b') ?? new Uint8Array()).slice()
  bytes.set([0x7a], bytes.indexOf(0x62))
  assert.is.not(
    codeOf(() => openHeld(hub.anchors, { ...set, records: new Map(held.records).set('node/b', bytes) })),
    'accepted',
  )
  assert.is(
    codeOf(() => openHeld(hub.anchors, { ...set, version: { epoch: 1, revision: 9 } })),
    'corrupt',
  )
})

test('any byte changed in a frame keeps it out, with an error of ours', () => {
  const { hub, held } = begin()
  hub.putNode(c).commit()
  const delta = hub.delta(held.version) ?? new Uint8Array()
  const whole = hub.snapshot()
  check(
    property(boolean(), nat(), integer({ min: 1, max: 255 }), (useDelta, at, mask) => {
      const bytes = (useDelta ? delta : whole).slice()
      bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ mask
      const verdict = codeOf(() => (useDelta ? acceptDelta : acceptSnapshot)(hub.anchors, held, bytes))
      assert.match(verdict, /^(invalid|too-large|untrusted|bad-signature|bad-root|wrong-base|stale)$/)
    }),
    { numRuns: 300 },
  )
})

test('garbage and truncation are refused, never thrown through', () => {
  const { hub, held } = begin()
  hub.putNode(c).commit()
  check(
    property(uint8Array({ maxLength: 400 }), nat(), (noise, cut) => {
      const parts = [noise, hub.snapshot().subarray(0, cut % hub.snapshot().length), frame(hub.latest.head, noise)]
      for (const bytes of parts) {
        assert.match(
          codeOf(() => acceptSnapshot(hub.anchors, held, bytes)),
          /^(invalid|too-large|untrusted|bad-root)$/,
        )
        assert.match(
          codeOf(() => acceptDelta(hub.anchors, held, bytes)),
          /^(invalid|too-large|untrusted)$/,
        )
        assert.match(
          codeOf(() => acceptHead(hub.anchors, held, bytes)),
          /^(invalid|too-large|untrusted)$/,
        )
      }
    }),
    { numRuns: 100 },
  )
})

test.run()
