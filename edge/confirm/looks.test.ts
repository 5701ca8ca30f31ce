// A peer counts as answering at whichever of its addresses it answers.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { testDevice } from '../link/hub.fake.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { ConfirmDoors } from './doors.ts'
import { createLooks } from './looks.ts'
import { nothingWorks } from './working.ts'

const peer = testDevice('peer', 2)
const [OLD, NEW] = [parseAddress('10.77.0.2'), parseAddress('10.90.0.2')]

/** What is seen of the peer, which goes by these addresses and answers at that one. */
async function seen(addresses: readonly Address[], answersAt: Address): Promise<readonly string[]> {
  const clock = new FakeClock()
  const entry = { member: { ...peer, labels: {}, advertise: [], addresses } } as unknown as PeerEntry
  const asked: Address[] = []
  const doors = {
    answers(address: Address) {
      asked.push(address)
      return Promise.resolve(address === answersAt)
    },
  } as unknown as ConfirmDoors
  const looks = createLooks({
    doors,
    clock,
    link: () => undefined,
    peers: { entries: [entry], of: (node) => (node === peer.nodeId ? entry : undefined) },
    relays: () => [],
    isPhysical: () => true,
    isProgrammed: () => true,
    due: () => undefined,
  })
  const { peers } = await looks.see({ ...nothingWorks, peers: [peer.nodeId] }, false)
  return [...peers, ...asked]
}

test('a peer that has not heard of a step is no loss: it answers at the address it still has', async () => {
  assert.equal(await seen([NEW, OLD], OLD), [peer.nodeId, NEW, OLD])
  assert.equal(await seen([OLD, NEW], NEW), [peer.nodeId, OLD, NEW])
})

test('one that answers at none of them is lost', async () => {
  assert.equal(await seen([NEW, OLD], parseAddress('10.1.1.1')), [NEW, OLD])
  assert.equal(await seen([], OLD), [])
})

/** Whom a look before a revision finds, of a peer whose path still counts as used, and how often it was asked. */
async function noted(replies: readonly boolean[]): Promise<readonly [readonly string[], number]> {
  const clock = new FakeClock()
  const entry = {
    member: { ...peer, labels: {}, advertise: [], addresses: [OLD] },
    path: 'lan',
    activeUntil: clock.monotonic() + 60_000,
  } as unknown as PeerEntry
  let asked = 0
  const looks = createLooks({
    doors: { watchMs: 30_000, answers: () => Promise.resolve(replies[asked++] === true) },
    clock,
    link: () => undefined,
    peers: { entries: [entry], of: (node) => (node === peer.nodeId ? entry : undefined) },
    relays: () => [],
    isPhysical: () => true,
    isProgrammed: () => true,
    due: () => undefined,
  })
  const { peers } = await looks.note()
  return [peers, asked]
}

test('a peer whose agent died just before a revision came does not speak against it', async () => {
  assert.equal(await noted([false, false, true]), [[], 2])
})

test('one lost question does not take a peer out of the watch', async () => {
  assert.equal(await noted([true]), [[peer.nodeId], 1])
  assert.equal(await noted([false, true]), [[peer.nodeId], 2])
})

test('one that has an address of each family is asked at the first, as ever', async () => {
  assert.equal(await seen([OLD, parseAddress('fd77::2')], OLD), [peer.nodeId, OLD])
})

test.run()
