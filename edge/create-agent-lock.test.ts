// An agent under a membership lock: a hub that somebody stole adds a device, and nobody talks to it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../shared/address/cidr.ts'
import { fakeLock, signLock, signMember } from '../shared/host/lock-keys.fake.ts'
import { again, codes, me, online, other, type Rig, third } from './agent-rig.fake.ts'
import { type TestDevice, testNetwork } from './link/hub.fake.ts'
import type { LockFile } from './trust/lock-pin.ts'

const first = fakeLock({ network: testNetwork, keys: [1, 2], threshold: 2 })

function signed({ address, deviceKey, name, nodeId, wgKey }: TestDevice, by: readonly number[]) {
  const member = { name, nodeId, deviceKey, wgKey, addresses: [parseAddress(address)] }
  return { membership: signMember(testNetwork, member, by) }
}

async function locked(lockFile: LockFile): Promise<Rig> {
  const rig = await online({ extra: { lockFile } })
  rig.hub.put('lock/1', signLock(first, [1, 2]))
  for (const device of [me, other]) rig.hub.putNode(device, signed(device, [1, 2]))
  rig.hub.publish()
  await rig.advance(10_000)
  return rig
}

function file(): LockFile & { text: string | undefined } {
  const kept: LockFile & { text: string | undefined } = {
    text: undefined,
    read: () => kept.text,
    write: (text) => void (kept.text = text),
  }
  return kept
}

const peers = ({ agent, kernel }: Rig): string =>
  `${agent
    .status()
    .peers.map(({ name }) => name)
    .join(' ')}, ${kernel.device?.peers.size} in the kernel`

test('a device that the hub adds by itself gets no peer; health says so, and ends when it is signed for', async () => {
  const rig = await locked(file())
  assert.is(peers(rig), 'other, 1 in the kernel')
  assert.equal(rig.agent.status().membershipLock, { serial: 1, threshold: 2, keys: 2, leftOut: [] })
  rig.hub.putNode(third, signed(third, [1])).publish()
  await rig.advance(10_000)
  assert.is(peers(rig), 'other, 1 in the kernel')
  const told = rig.agent.status().health.find(({ code }) => code === 'members-unsigned')
  assert.is(told?.detail, 'without enough signatures: third')
  assert.equal(rig.agent.status().membershipLock?.leftOut, ['third'])
  assert.is(rig.agent.status().revision.applied.revision, 3)
  rig.hub.putNode(third, signed(third, [1, 2])).publish()
  await rig.advance(10_000)
  assert.is(peers(rig), 'other third, 2 in the kernel')
  assert.not.ok(codes(rig).includes('members-unsigned'))
  await rig.stop()
})

test('the lock outlives a restart and a database that is lost; a hub that takes it away is told', async () => {
  const kept = file()
  const rig = await locked(kept)
  await rig.stop()
  rig.store.set('membership-lock', '')
  rig.hub.remove('lock/1').putNode(third)
  const second = again(rig, { extra: { lockFile: kept } })
  await second.agent.start()
  await second.advance(1_000)
  rig.hub.publish()
  await second.advance(60_000)
  assert.is(second.agent.status().revision.held.revision, 3)
  assert.is(peers(second), 'other, 1 in the kernel')
  assert.ok(codes(second).includes('lock-refused'))
  await second.stop()
})

test('who has root on the device takes up a lock made anew; it stands in the journal', async () => {
  const kept = file()
  const rig = await locked(kept)
  const anew = fakeLock({ network: testNetwork, keys: [8], threshold: 1, serial: 2 })
  rig.hub.remove('lock/1').put('lock/2', signLock(anew, [8]))
  for (const device of [me, other, third])
    rig.hub.putNode(device, signed(device, [1, 2, 8].slice(device === third ? 2 : 0)))
  rig.hub.publish()
  await rig.advance(10_000)
  assert.is(peers(rig), 'other, 1 in the kernel')
  assert.ok(codes(rig).includes('lock-refused'))
  kept.text = undefined
  rig.agent.trustAnew('the lock is forgotten, by root')
  await rig.advance(10_000)
  assert.is(peers(rig), 'other third, 2 in the kernel')
  assert.equal(
    codes(rig).filter((code) => code === 'lock-refused' || code === 'members-unsigned'),
    [],
  )
  assert.ok(rig.store.loadJournal(20).some(({ detail }) => detail === 'the lock is forgotten, by root'))
  kept.text = 'garbage'
  assert.throws(() => rig.agent.trustAnew('nothing good'), /cannot be read/)
  assert.is(rig.agent.status().membershipLock?.serial, 2)
  await rig.stop()
})

test.run()
