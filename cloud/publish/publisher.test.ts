// What the publisher signs is what it stored, also after a store that failed for a while.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex, utf8 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { parseName, parseNetworkId } from '../../shared/ids.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import { openHead } from '../../shared/record/head.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import { openHubStore } from '../store/sqlite.ts'
import { Publisher } from './publisher.ts'

const network = { name: parseName('default'), id: parseNetworkId('aaaaaaaaaaaa'), epoch: 1 }
const signer = signerFromSeed(new Uint8Array(32).fill(7))

test('a change that could not be stored and was undone leaves no trace in the root', async () => {
  const store = openHubStore(':memory:', memoryLog())
  let full = false
  const failing = {
    ...store,
    saveRevision: (...args: Parameters<typeof store.saveRevision>) => {
      if (full) throw new HoldfastError('failed', 'no space left on the device')
      store.saveRevision(...args)
    },
  }
  store.putNetwork(network)
  const clock = new FakeClock()
  const trusted = trustedKeys([signer.publicKey], sha256)
  const rest = { signer, trusted, sha256, verify, clock, log: memoryLog(), onRevision: () => undefined }
  const options = { ...rest, network, store: failing }
  const publisher = new Publisher(options)
  publisher.set('node/a', utf8('a'))
  await publisher.flush()

  full = true
  publisher.set('node/a', utf8('changed'))
  publisher.set('node/b', utf8('added'))
  await publisher.flush()
  publisher.set('node/a', utf8('a'))
  publisher.set('node/b', undefined)
  full = false
  publisher.set('node/c', utf8('c'))
  await publisher.flush()

  const held = store.published(network.id)
  assert.equal([...(held?.records.keys() ?? [])], ['node/a', 'node/c'])
  const tree = new MerkleTree(sha256)
  for (const [id, bytes] of held?.records ?? []) tree.put(id, sha256(bytes))
  const head = openHead(held?.head ?? new Uint8Array(0), trustedKeys([signer.publicKey], sha256), verify)
  assert.is(head.root, toHex(tree.root()))
  assert.is(head.revision, 2)
  store.close()
})

test.run()
