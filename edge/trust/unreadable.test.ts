// Sets that verify and were written for a newer agent: told apart from bad ones, and built upon.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { a, begin, c } from './accept.fake.ts'
import { acceptDelta, acceptSnapshot } from './accept.ts'

for (const [what, id, body, complaint] of [
  ['a record of an unknown kind', 'teapot/x', {}, /^record teapot\/x: .*not the id of a known kind/],
  [
    'a record with an unknown field',
    'node/x',
    { ...a, signer: undefined, name: 'x', colour: 'red' },
    /^record node\/x: /,
  ],
  ['a record that lacks a field', 'route/x', { name: 'x' }, /^record route\/x: spec /],
  ['a record with another name', 'policy/x', { name: 'y', spec: { subject: {} } }, /^record policy\/x: /],
] as const) {
  test(`a set with ${what} verifies, and is not understood`, () => {
    const { hub, held } = begin()
    hub.put(id, body).commit()
    const taken = [
      acceptSnapshot(hub.anchors, held, hub.snapshot()),
      acceptDelta(hub.anchors, held, hub.delta(held.version) ?? new Uint8Array()),
    ]
    for (const { next } of taken) {
      assert.is(next.parsed, undefined)
      assert.match(next.parsed === undefined ? next.unreadable : '', complaint)
    }
  })
}

test('a set that is not understood is a base like any other', () => {
  const { hub, held } = begin()
  hub.put('teapot/x', { boils: true }).commit()
  const strange = acceptDelta(hub.anchors, held, hub.delta(held.version) ?? new Uint8Array()).next
  assert.throws(() => acceptSnapshot(hub.anchors, strange, hub.snapshot()), /held already/)
  hub.remove('teapot/x').putNode(c).commit()
  const { next } = acceptDelta(hub.anchors, strange, hub.delta(strange.version) ?? new Uint8Array())
  assert.is(next.parsed?.records.nodes.length, 3)
})

test('a key record that is not understood keeps the set out: what it would be judged by is unknown', () => {
  const { hub, held } = begin()
  const id = `key/${keyIdOf(hub.signer.publicKey, sha256)}`
  hub.put(id, { envelope: Buffer.from(hub.certificate()).toString('base64'), algorithm: 'new' }).commit()
  assert.throws(
    () => acceptSnapshot(hub.anchors, held, hub.snapshot()),
    (error: unknown) => isHoldfastError(error, 'unsupported'),
  )
})

test.run()
