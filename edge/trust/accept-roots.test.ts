// How a device follows its hub from one root key to the next, and what it takes from nobody.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { rootLinksMax } from '../../shared/limits.ts'
import { signRoot } from '../../shared/record/root.ts'
import { type FakeHub, testSigner } from '../link/hub.fake.ts'
import { begin, codeOf } from './accept.fake.ts'
import { acceptDelta, acceptHead, acceptSnapshot, type Held } from './accept.ts'
import type { Anchors } from './keys.ts'
import { keyOf, putFork, second, thief, third } from './roots.fake.ts'

const delta = (hub: FakeHub, from: Held): Uint8Array => hub.delta(from.version) ?? new Uint8Array()

test('a device that is there follows by the difference, one that was away for two rotations by a snapshot', () => {
  const { held, hub } = begin()
  const { anchors } = hub
  hub.rotateRoot(second).commit()
  const one = acceptDelta(anchors, held, delta(hub, held)).next
  assert.equal(one.ring.root, { key: second.publicKey, serial: 1 })
  hub.rotateRoot(third).commit()
  const two = acceptDelta(anchors, one, delta(hub, one)).next
  const away = acceptSnapshot(anchors, held, hub.snapshot()).next
  const joined = acceptSnapshot(anchors, undefined, hub.snapshot()).next
  for (const after of [two, away, joined]) assert.equal(after.ring.root, { key: third.publicKey, serial: 2 })
})

test('root and signing key may change at once', () => {
  const { held, hub } = begin()
  const { anchors } = hub
  hub.signer = testSigner(3)
  hub.rotateRoot(second).commit()
  for (const after of [
    acceptDelta(anchors, held, delta(hub, held)).next,
    acceptSnapshot(anchors, held, hub.snapshot()).next,
  ])
    assert.equal([...after.ring.keys.values()], [hub.signer.publicKey])
})

test('whoever has the former root leads nobody who has left it', () => {
  const { held, hub } = begin()
  const { anchors, root: first } = hub
  const stolen = Object.assign(begin().hub, { root: first })
  hub.rotateRoot(second).commit()
  const after = acceptDelta(anchors, held, delta(hub, held)).next
  putFork(stolen, first).commit({ epoch: 9, revision: 1 })
  const fault = faultOf(() => acceptSnapshot(anchors, after, stolen.snapshot()))
  assert.is(fault.code, 'untrusted')
  assert.match(fault.message, /does not follow from it/)
  // Without a link, under the former root itself: an old backup, or a thief.
  stolen.remove('root/1')
  stolen.root = first
  stolen.putKey(stolen.signer, 1_000).commit({ epoch: 9, revision: 2 })
  const old = faultOf(() => acceptSnapshot(anchors, after, stolen.snapshot()))
  assert.match(old.message, /was left behind here/)
  assert.match(old.remedy ?? '', /restore --keys/)
})

test('a set that names two next roots, too many, or one under another’s serial is refused', () => {
  for (const [what, change, code] of [
    [
      'a fork',
      (hub: FakeHub) => {
        const first = hub.root
        hub.rotateRoot(second)
        const link = { serial: 2, root: keyOf(first), next: keyOf(thief), issuedAt: 9 }
        hub.put('root/2', signRoot(link, first, thief, sha256))
      },
      'untrusted',
    ],
    [
      'too many',
      (hub: FakeHub) => {
        for (let at = 0; at <= rootLinksMax; at++) hub.rotateRoot(testSigner(200 + at))
      },
      'too-large',
    ],
    [
      'misfiled',
      (hub: FakeHub) => {
        const link = { serial: 2, root: keyOf(hub.root), next: keyOf(second), issuedAt: 9 }
        hub.put('root/1', signRoot(link, hub.root, second, sha256))
      },
      'invalid',
    ],
    [
      'not proven by the new one',
      (hub: FakeHub) => {
        const first = hub.root
        hub.rotateRoot(second)
        const link = { serial: 1, root: keyOf(first), next: keyOf(second), issuedAt: 9 }
        hub.put('root/1', signRoot(link, first, thief, sha256))
      },
      'untrusted',
    ],
  ] as const) {
    const { held, hub } = begin()
    const { anchors } = hub
    change(hub)
    hub.commit()
    assert.is(
      codeOf(() => acceptSnapshot(anchors, held, hub.snapshot())),
      code,
      what,
    )
    assert.is(
      codeOf(() => acceptDelta(anchors, held, delta(hub, held))),
      code,
      what,
    )
  }
})

test('certificates from enrolment count no more once the root that signed them is left', () => {
  const { hub } = begin()
  const { anchors, root: first, signer } = hub
  const moved: Anchors = { ...anchors, root: second.publicKey, rootSerial: 1, formerRoots: [first.publicKey] }
  assert.is(
    codeOf(() => acceptHead(moved, undefined, hub.latest.head)),
    'untrusted',
  )
  hub.rotateRoot(second).commit()
  assert.equal([...acceptSnapshot(moved, undefined, hub.snapshot()).next.ring.keys.values()], [signer.publicKey])
})

test.run()
