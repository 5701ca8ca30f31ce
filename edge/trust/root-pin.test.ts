// What a device pins of its hub's roots, and where the power may go meanwhile: the pin only goes forward, and never away.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { type FakeHub, testSigner } from '../link/hub.fake.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { begin, c, codeOf } from './accept.fake.ts'
import { acceptSnapshot } from './accept.ts'
import { createHolding, type Holding } from './holding.ts'
import type { Anchors } from './keys.ts'
import { createRootPin, keepRoot, type OwnRoot, readRoot } from './root-pin.ts'
import { keyOf, putFork, second, thief, third } from './roots.fake.ts'

/** A device with a disk: its store, its file, and what of it a power cut keeps from being written. */
function device(hub: FakeHub) {
  const { anchors: given } = hub
  const enrolled = keyOf(hub.root)
  const disk = { file: undefined as string | undefined, fails: false, store: new MemoryStore() }
  const told: string[] = []
  const open = (): { holding: Holding; own: OwnRoot; anchors: Anchors } => {
    const own = createRootPin({
      enrolled,
      file: { read: () => disk.file },
      write(text) {
        if (!disk.fails) disk.file = text
        return !disk.fails
      },
      onPinned: ({ serial }, before) => told.push(`${before.serial} to ${serial}`),
    })
    const anchors = { ...given, ...own.anchors }
    const holding = keepRoot(createHolding(anchors, disk.store, memoryLog(), true), own)
    return { holding, own, anchors }
  }
  return { disk, enrolled, open, told }
}

function meet(hub: FakeHub, { anchors, holding }: { holding: Holding; anchors: Anchors }): void {
  holding.take(acceptSnapshot(anchors, holding.held(), hub.snapshot()))
}

test('a crash before the pin is written finds the set, and pins at the next start', () => {
  const { hub } = begin()
  const { disk, enrolled, open, told } = device(hub)
  const before = open()
  meet(hub, before)
  disk.fails = true
  hub.rotateRoot(second).commit()
  meet(hub, before)
  assert.is(disk.file, undefined)
  disk.fails = false
  const after = open()
  assert.is(after.holding.load(), undefined)
  assert.equal(after.own.pin(), { key: second.publicKey, serial: 1 })
  assert.equal(readRoot(enrolled, { read: () => disk.file }).root, second.publicKey)
  assert.equal(told, ['0 to 1', '0 to 1'])
})

test('a crash after the pin, of a set that never reached the disk: what is stored still opens, and leads back to nothing', () => {
  const { hub } = begin()
  const first = hub.root
  const { disk, open } = device(hub)
  const before = open()
  meet(hub, before)
  hub.rotateRoot(second).commit()
  disk.store.full = true
  meet(hub, before)
  disk.store.full = false
  const after = open()
  assert.is(after.holding.load(), undefined)
  assert.is(after.holding.held()?.version.revision, 1)
  assert.equal(after.own.pin(), { key: second.publicKey, serial: 1 })
  const stolen = putFork(Object.assign(begin().hub, { root: first }), first)
  stolen.commit({ epoch: 1, revision: 7 })
  assert.throws(() => meet(stolen, after), /does not follow from it/)
  hub.putNode(c).commit()
  meet(hub, after)
  assert.is(after.holding.held()?.version.revision, 3)
})

test('the last good set of before the rotation stays the way back, also across a restart', () => {
  const { hub } = begin()
  const { open } = device(hub)
  const before = open()
  meet(hub, before)
  hub.rotateRoot(second).commit()
  meet(hub, before)
  const after = open()
  assert.is(after.holding.load(), undefined)
  assert.is(after.holding.held()?.version.revision, 2)
  assert.is(after.holding.lastGood()?.version.revision, 1)
})

test('a database that is gone does not take the pin along; a file that cannot be read is told of and written anew', () => {
  const { hub } = begin()
  const first = hub.root
  const { disk, open } = device(hub)
  const before = open()
  meet(hub, before)
  hub.rotateRoot(second).commit()
  meet(hub, before)
  disk.store = new MemoryStore()
  const empty = open()
  empty.holding.load()
  const stolen = putFork(Object.assign(begin().hub, { root: first }), first).remove('root/1')
  stolen.root = first
  stolen.putKey(stolen.signer, 1_000).commit()
  assert.throws(() => meet(stolen, empty), /was left behind/)
  meet(hub, empty)
  disk.file = '{"torn'
  const torn = open()
  assert.match(torn.holding.load() ?? '', /pinned root key cannot be read/)
  assert.equal(torn.own.pin().key, second.publicKey)
  assert.equal(open().own.pin().key, second.publicKey)
})

test('a file of another enrolment counts for nothing', () => {
  const text = JSON.stringify({ enrolled: keyOf(second), roots: [{ key: keyOf(third), serial: 1 }] })
  const { root, rootSerial } = readRoot(keyOf(thief), { read: () => text })
  assert.equal([root, rootSerial], [thief.publicKey, 0])
})

test('whatever is cut off when: the pin only goes forward, and the device always gets to the hub’s root in the end', () => {
  const step = fc.constantFrom('rotate', 'change', 'meet', 'restart', 'pin fails', 'disk full', 'works', 'thief')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
      const { hub } = begin()
      const stolenRoots = [hub.root]
      const { disk, open } = device(hub)
      let now = open()
      meet(hub, now)
      let rotations = 0
      let reached = 0
      for (const one of steps) {
        if (one === 'rotate') {
          hub.rotateRoot(testSigner(400 + ++rotations)).commit()
          stolenRoots.push(hub.root)
        } else if (one === 'change') hub.putNode(c, { labels: { at: String(rotations) } }).commit()
        else if (one === 'meet' && codeOf(() => meet(hub, now)) === 'accepted') reached = rotations
        else if (one === 'restart') {
          now = open()
          now.holding.load()
        } else if (one === 'pin fails') disk.fails = true
        else if (one === 'disk full') disk.store.full = true
        else if (one === 'works') {
          disk.fails = false
          disk.store.full = false
        } else if (one === 'thief') {
          const serial = now.own.pin().serial
          const stolen = stolenRoots.slice(0, serial).at(-1)
          const fork = stolen && putFork(Object.assign(begin().hub, { root: stolen }), stolen, serial)
          fork?.commit({ epoch: 9, revision: 1 })
          if (fork !== undefined) assert.throws(() => meet(fork, now))
        }
        assert.ok(now.own.pin().serial <= reached)
      }
      disk.fails = false
      disk.store.full = false
      now = open()
      now.holding.load()
      hub.putNode(c, { labels: { at: 'end' } }).commit()
      meet(hub, now)
      assert.is(now.own.pin().serial, rotations)
      assert.is(open().own.pin().serial, rotations)
    }),
    { numRuns: 80 },
  )
})

test.run()
