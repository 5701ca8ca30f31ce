// The chain of batches: whatever is edited, cut, added or put elsewhere is found.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, toHex } from '../bytes.ts'
import { isHoldfastError } from '../errors.ts'
import { hostileBytes } from '../fuzz.fake.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { parseNetworkId, parseNodeId } from '../ids.ts'
import { trustedKeys } from '../record/envelope.ts'
import { type Checkpoint, faultOfChain, type Link, linkHash, noLink, openCheckpoint, signCheckpoint } from './chain.ts'

function chainOf(
  batches: readonly Uint8Array[],
  skip = 0,
): { readonly links: readonly Link[]; readonly end: Omit<Checkpoint, 'network' | 'node'> } {
  let before = noLink
  const links = batches.map((batch, at): Link => {
    const hash = linkHash(before, at + 1, batch, sha256)
    before = hash
    return { seq: at + 1, hash, batch }
  })
  const oldest = links[skip - 1]?.hash ?? noLink
  return {
    links: links.slice(skip),
    end: { count: batches.length, head: toHex(before), oldest: skip + 1, before: toHex(oldest) },
  }
}

const batches = fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 2, maxLength: 8 })
const place = fc.double({ min: 0, max: 0.999, noNaN: true })

test('a whole chain has no fault, with its beginning or without', () => {
  fc.assert(
    fc.property(batches, place, (all, at) => {
      const { end, links } = chainOf(all, Math.floor(at * all.length))
      assert.is(faultOfChain(links, end, sha256), undefined)
    }),
  )
})

test('any edit of any byte is found', () => {
  fc.assert(
    fc.property(batches, place, place, fc.integer({ min: 1, max: 255 }), (all, at, byte, flip) => {
      const { end, links } = chainOf(all)
      const which = Math.floor(at * links.length)
      const edited = links.map((link, n) => {
        if (n !== which) return link
        const batch = link.batch.slice()
        const where = Math.floor(byte * batch.length)
        batch[where] = (batch[where] ?? 0) ^ flip
        return { ...link, batch }
      })
      assert.is(faultOfChain(edited, end, sha256), `batch ${which + 1} was changed`)
    }),
  )
})

test('an edit with all hashes behind it made anew is found by the checkpoint', () => {
  fc.assert(
    fc.property(batches, place, (all, at) => {
      const { end } = chainOf(all)
      const other = all.map((batch, n) => (n === Math.floor(at * all.length) ? Uint8Array.of(...batch, 1) : batch))
      assert.ok(faultOfChain(chainOf(other).links, end, sha256))
    }),
  )
})

test('any cut is found: at the end, at the beginning, in the middle', () => {
  fc.assert(
    fc.property(batches, place, fc.nat(), (all, at, length) => {
      const { end, links } = chainOf(all)
      const from = Math.floor(at * links.length)
      const cut = links.toSpliced(from, 1 + (length % (links.length - from)))
      assert.ok(faultOfChain(cut, end, sha256))
    }),
  )
})

test('links in another order, twice, or behind the last that was signed are found', () => {
  const { end, links } = chainOf([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)])
  assert.ok(faultOfChain(links.toReversed(), end, sha256))
  assert.ok(faultOfChain([...links, ...links], end, sha256))
  const longer = chainOf([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3), Uint8Array.of(4)])
  assert.match(faultOfChain(longer.links, end, sha256) ?? '', 'behind number 3')
})

const signer = signerFromSeed(new Uint8Array(32).fill(7))
const trusted = trustedKeys([signer.publicKey], sha256)
const checkpoint: Checkpoint = {
  network: parseNetworkId('a'.repeat(12)),
  node: parseNodeId('b'.repeat(16)),
  count: 3,
  head: 'ab'.repeat(32),
  oldest: 1,
  before: toHex(noLink),
}

test('a checkpoint reads back as it was signed, and by nobody else’s key', () => {
  const envelope = signCheckpoint(checkpoint, signer, sha256)
  assert.equal(openCheckpoint(envelope, trusted, verify), checkpoint)
  assert.is(fromHex(checkpoint.head).length, 32)
  const thief = signerFromSeed(new Uint8Array(32).fill(8))
  assert.throws(() => openCheckpoint(signCheckpoint(checkpoint, thief, sha256), trusted, verify))
})

test('hostile checkpoints are refused with an error of ours', () => {
  const valid = signCheckpoint(checkpoint, signer, sha256)
  fc.assert(
    fc.property(hostileBytes(valid), (bytes) => {
      try {
        assert.equal(openCheckpoint(bytes, trusted, verify), checkpoint)
      } catch (error) {
        assert.ok(isHoldfastError(error), String(error))
      }
    }),
  )
})

test.run()
