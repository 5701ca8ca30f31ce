// Heads rise, and say what the set is.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex, utf8 } from '../../shared/bytes.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { parseName, parseNetworkId } from '../../shared/ids.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import { compareVersion, openHead } from '../../shared/record/head.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import { nextVersion, sign } from './sign.ts'

const network = { name: parseName('default'), id: parseNetworkId('aaaaaaaaaaaa'), epoch: 1 }
const signer = signerFromSeed(new Uint8Array(32).fill(7))

for (const [held, epoch, next] of [
  [{ epoch: 1, revision: 0 }, 1, { epoch: 1, revision: 1 }],
  [{ epoch: 1, revision: 8 }, 1, { epoch: 1, revision: 9 }],
  [{ epoch: 1, revision: 8 }, 2, { epoch: 2, revision: 1 }],
  // A store that knows a lower epoch than was signed never makes the version fall.
  [{ epoch: 3, revision: 8 }, 2, { epoch: 3, revision: 9 }],
] as const) {
  test(`after ${held.epoch}.${held.revision} in epoch ${epoch} comes ${next.epoch}.${next.revision}`, () => {
    assert.equal(nextVersion(held, epoch), next)
    assert.ok(compareVersion(nextVersion(held, epoch), held) > 0)
  })
}

test('a head opens with the signer’s key and names root, count and network', () => {
  const tree = new MerkleTree(sha256)
  tree.put('node/a', sha256(utf8('a')))
  const envelope = sign(tree, { epoch: 1, revision: 4 }, 77, { network, signer, sha256 })
  const head = openHead(envelope, trustedKeys([signer.publicKey], sha256), verify)
  assert.equal([head.network, head.revision, head.count, head.issuedAt], [network.id, 4, 1, 77])
  assert.is(head.root, toHex(tree.root()))
})

test.run()
