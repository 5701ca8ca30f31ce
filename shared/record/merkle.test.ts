// The incremental tree against RFC 6962 §2.1 written down literally.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareText, concat, toHex, utf8 } from '../bytes.ts'
import { sha256 } from '../host/crypto.ts'
import { MerkleTree } from './merkle.ts'

/** MTH of RFC 6962 §2.1; the data of a leaf are SHA-256 of the id, then SHA-256 of the record. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves
  if (first === undefined) return sha256(new Uint8Array(0))
  if (leaves.length === 1) return sha256(concat(Uint8Array.of(0), first))
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return sha256(concat(Uint8Array.of(1), naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split))))
}

function rootOf(records: ReadonlyMap<string, Uint8Array>): string {
  const sorted = [...records].sort((a, b) => compareText(a[0], b[0]))
  return toHex(naiveRoot(sorted.map(([id, hash]) => concat(sha256(utf8(id)), hash))))
}

function treeOf(records: Iterable<readonly [string, Uint8Array]>): MerkleTree {
  const tree = new MerkleTree(sha256)
  for (const [id, hash] of records) tree.put(id, hash)
  return tree
}

const hash = fc.nat(5).map((n) => sha256(Uint8Array.of(n)))
const id = fc.nat(40).map((n) => `node/n${n}`)
const change = fc.record({ id, hash: fc.option(hash, { nil: undefined }), look: fc.boolean(), branch: fc.boolean() })

test('after any changes, looked at or not in between, the root is that of the set', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
      let tree = new MerkleTree(sha256)
      const set = new Map<string, Uint8Array>()
      for (const step of changes) {
        if (step.branch) {
          // A copy lives on its own: what happens to the first must not reach it.
          const copy = tree.clone()
          tree.put('node/other', sha256(Uint8Array.of(9)))
          tree.root()
          tree = copy
        }
        if (step.hash === undefined) assert.is(tree.delete(step.id), set.delete(step.id))
        else {
          tree.put(step.id, step.hash)
          set.set(step.id, step.hash)
        }
        assert.is(tree.size, set.size)
        if (step.look) assert.is(toHex(tree.root()), rootOf(set))
      }
      assert.is(toHex(tree.root()), rootOf(set))
      assert.is(toHex(tree.root()), rootOf(set), 'asking twice changes nothing')
    }),
    { numRuns: 200 },
  )
})

test('the order in which records come in is irrelevant', () => {
  const entries = Array.from({ length: 33 }, (_, i) => [`policy/p${i}`, sha256(Uint8Array.of(i))] as const)
  fc.assert(
    fc.property(fc.shuffledSubarray(entries, { minLength: 33 }), (shuffled) => {
      assert.is(toHex(treeOf(shuffled).root()), toHex(treeOf(entries).root()))
    }),
    { numRuns: 30 },
  )
})

test('ids and contents both count', () => {
  const [a, b] = [sha256(Uint8Array.of(1)), sha256(Uint8Array.of(2))]
  const roots = [
    treeOf([]),
    treeOf([['node/a', a]]),
    treeOf([['node/b', a]]),
    treeOf([['node/a', b]]),
    treeOf([
      ['node/a', a],
      ['node/b', b],
    ]),
    treeOf([
      ['node/a', b],
      ['node/b', a],
    ]),
  ].map((tree) => toHex(tree.root()))
  assert.is(new Set(roots).size, roots.length)
})

test('golden roots: a change here breaks every network in the field', () => {
  assert.is(toHex(new MerkleTree(sha256).root()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  const three = treeOf(['a', 'b', 'c'].map((name) => [`node/${name}`, sha256(utf8(name))] as const))
  assert.is(toHex(three.root()), '13709d425be2daf868668ccd2e684ac99e07ce5a7f3844fbf422c284593761a0')
})

test('changing one of n costs about log n hashes', () => {
  let hashes = 0
  const counting = new MerkleTree((bytes) => {
    hashes += 1
    return sha256(bytes)
  })
  for (let i = 0; i < 4_096; i++) counting.put(`node/${String(i).padStart(4, '0')}`, sha256(Uint8Array.of(i & 0xff)))
  counting.root()
  hashes = 0
  counting.put('node/2000', sha256(utf8('new')))
  counting.root()
  assert.is(hashes, 2 + 12)
  hashes = 0
  counting.root()
  assert.is(hashes, 0)
})

test.run()
