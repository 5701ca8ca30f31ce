// What every store that replicas share must do, run against the one in memory and against a real API server.

import * as assert from 'uvu/assert'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { ClusterStore } from './cluster-store.ts'
import type { Lease } from './lease.ts'

type Define = (name: string, run: () => Promise<void>) => void

const lease: Lease = {
  holder: 'a',
  durationS: 15,
  acquireTime: '2026-01-02T03:04:05.000000Z',
  renewTime: '2026-01-02T03:04:06.000000Z',
  transitions: 3,
  generation: 7,
}

async function conflicts(write: Promise<unknown>): Promise<void> {
  try {
    await write
  } catch (error) {
    if (isHoldfastError(error, 'conflict')) return
    throw error
  }
  assert.unreachable('a write over what has changed was taken')
}

/** `open` gives the same empty store each time. @testonly */
export function defineClusterStore(define: Define, open: () => ClusterStore): void {
  define('a lease is made once, and written only over what was seen of it', async () => {
    const store = open()
    assert.is(await store.readLease(), undefined)
    const changed = Promise.withResolvers<void>()
    const look = async (): Promise<void> => {
      if ((await store.readLease())?.holder === '') changed.resolve()
    }
    const stop = store.watchLease(() => void look())
    const made = await store.writeLease(lease, undefined)
    assert.equal({ ...made, resourceVersion: '' }, { ...lease, resourceVersion: '' })
    assert.equal(await store.readLease(), made)
    await conflicts(store.writeLease(lease, undefined))
    const next = await store.writeLease({ ...lease, holder: '', durationS: 1 }, made)
    assert.is(next.holder, '')
    await conflicts(store.writeLease({ ...lease, holder: 'b' }, made))
    assert.equal(await store.readLease(), next)
    await changed.promise
    stop()
  })

  define('the head is replaced whole, and only over what was seen of it', async () => {
    const store = open()
    assert.is(await store.readHead(), undefined)
    const one = { head: utf8('one'), before: undefined }
    await store.writeHead(one, undefined)
    await conflicts(store.writeHead(one, undefined))
    const held = await store.readHead()
    assert.is(fromUtf8(held?.head ?? utf8('')), 'one')
    assert.is(held?.before, undefined)
    const version = await store.writeHead({ head: utf8('two'), before: utf8('one') }, held)
    await conflicts(store.writeHead({ head: utf8('three'), before: undefined }, held))
    const now = await store.readHead()
    assert.equal(
      [now?.resourceVersion, fromUtf8(now?.head ?? utf8('')), fromUtf8(now?.before ?? utf8(''))],
      [version, 'two', 'one'],
    )
  })

  define('a part is kept as it was first put, until it is deleted', async () => {
    const store = open()
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251)
    await store.putPart('holdfast-hub-state-1-a', bytes)
    await store.putPart('holdfast-hub-state-1-a', utf8('another'))
    assert.equal(await store.readPart('holdfast-hub-state-1-a'), bytes)
    await store.putPart('holdfast-hub-state-1-b', utf8('b'))
    assert.equal([...(await store.parts())].sort(), ['holdfast-hub-state-1-a', 'holdfast-hub-state-1-b'])
    await store.deletePart('holdfast-hub-state-1-a')
    await store.deletePart('holdfast-hub-state-1-a')
    assert.is(await store.readPart('holdfast-hub-state-1-a'), undefined)
    await store.deletePart('holdfast-hub-state-1-b')
  })

  define('the endpoint leads to the last who put it', async () => {
    const store = open()
    await store.putEndpoint({ address: '10.0.0.1', ports: [{ name: 'https', port: 8_443 }] })
    await store.putEndpoint({ address: '10.0.0.2', node: 'edge-1', ports: [{ name: 'https', port: 8_443 }] })
  })
}
