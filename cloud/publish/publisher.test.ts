// What the publisher signs is what it stored, also after a store that failed for a while.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex, utf8 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import type { Bus } from '../../shared/effects.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { parseName, parseNetworkId } from '../../shared/ids.ts'
import { recordBytesMax, snapshotBytesMax } from '../../shared/limits.ts'
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

function published(): { readonly bus: Bus; readonly sent: string[]; refuse: boolean } {
  const state = { refuse: false }
  const sent: string[] = []
  const bus: Bus = {
    start: () => undefined,
    nudge: () => undefined,
    nextTryInMs: () => undefined,
    close: async () => undefined,
    async publish({ topic }) {
      if (state.refuse) throw new HoldfastError('exhausted', 'too many messages wait')
      sent.push(topic.split('/').at(-1) ?? '')
    },
  }
  return Object.assign(state, { bus, sent })
}

function open(clock: FakeClock, store = openHubStore(':memory:', memoryLog())) {
  store.putNetwork(network)
  const trusted = trustedKeys([signer.publicKey], sha256)
  const rest = { signer, trusted, sha256, verify, clock, log: memoryLog(), onRevision: () => undefined }
  return { store, publisher: new Publisher({ ...rest, network, store }) }
}

test('a change too large to fan out is announced by its head alone', async () => {
  const { store, publisher } = open(new FakeClock())
  const { bus, sent } = published()
  publisher.connected(bus)
  publisher.set('node/a', utf8('"a"'))
  await publisher.flush()
  publisher.set('node/b', utf8('"b"'))
  await publisher.flush()
  assert.equal(sent.splice(0), ['head', 'delta', 'head'])
  for (let i = 0; i < 5; i++) publisher.set(`policy/p${i}`, utf8(`"${'x'.repeat(recordBytesMax - 2)}"`))
  await publisher.flush()
  assert.equal(sent, ['head'])
  store.close()
})

test('a head that the broker would not take is offered again, though the link never broke', async () => {
  const clock = new FakeClock()
  const { store, publisher } = open(clock)
  const link = published()
  publisher.connected(link.bus)
  link.refuse = true
  publisher.set('node/a', utf8('"a"'))
  await publisher.flush()
  await clock.advanceAsync(3_000)
  assert.equal(link.sent, [])
  link.refuse = false
  await clock.advanceAsync(1_000)
  assert.equal(link.sent, ['head'])
  publisher.close()
  store.close()
})

test('a closed publisher signs nothing any more', async () => {
  const clock = new FakeClock()
  const { store, publisher } = open(clock)
  publisher.set('node/a', utf8('"a"'))
  publisher.close()
  publisher.set('node/b', utf8('"b"'))
  await clock.advanceAsync(5_000)
  assert.is(store.published(network.id), undefined)
  store.close()
})

test('room is counted with what waits, and what shrinks a set that is too large is let through', () => {
  const { store, publisher } = open(new FakeClock())
  const large = new Uint8Array(snapshotBytesMax - 10_000)
  publisher.set('policy/large', large)
  assert.throws(
    () => publisher.checkRoom(new Map([['policy/more', new Uint8Array(20_000)]])),
    (error: unknown) => isHoldfastError(error, 'too-large'),
  )
  publisher.checkRoom(new Map([['policy/large', new Uint8Array(20_000)]]))
  publisher.set('policy/large', undefined)
  publisher.checkRoom(new Map([['policy/more', new Uint8Array(20_000)]]))
  store.close()
})

test.run()
