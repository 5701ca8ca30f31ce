// An agent whose hub rotates its root key: it follows, says so, and knows it after a restart; a former root leads it nowhere.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../shared/host/crypto.ts'
import { keyIdOf } from '../shared/record/envelope.ts'
import { again, codes, online, third } from './agent-rig.fake.ts'
import { testSigner } from './link/hub.fake.ts'
import { MemoryStore } from './store/memory.fake.ts'
import type { RootFile } from './trust/root-pin.ts'

const second = testSigner(31)
const idOf = ({ publicKey }: { readonly publicKey: Uint8Array }): string => keyIdOf(publicKey, sha256)

function file(): RootFile & { text: string | undefined } {
  const kept: RootFile & { text: string | undefined } = {
    text: undefined,
    read: () => kept.text,
    write: (text) => void (kept.text = text),
  }
  return kept
}

test('it follows, tells which root is in force, and goes on from there after a restart', async () => {
  const rootFile = file()
  const rig = await online({ extra: { rootFile } })
  assert.equal(rig.agent.status().rootKey, { key: idOf(rig.hub.firstRoot), serial: 0 })
  assert.is(rootFile.text, undefined, 'who joined under it has nothing to keep')
  rig.hub.rotateRoot(second).publish()
  await rig.advance(10_000)
  assert.equal(rig.agent.status().rootKey, { key: idOf(second), serial: 1 })
  assert.is(rig.agent.status().revision.applied.revision, 2)
  assert.ok(rig.store.loadJournal(20).some(({ event }) => event === 'root-key'))
  await rig.stop()
  const next = again(rig, { extra: { rootFile } })
  await next.agent.start()
  await next.advance(5_000)
  rig.hub.putNode(third).publish()
  await next.advance(10_000)
  assert.equal(next.agent.status().rootKey, { key: idOf(second), serial: 1 })
  assert.is(next.agent.status().revision.applied.revision, 3)
  await next.stop()
})

test('a hub that goes back to the former root is refused and told of, also by a device that lost its database', async () => {
  const rootFile = file()
  const rig = await online({ extra: { rootFile } })
  rig.hub.rotateRoot(second).publish()
  await rig.advance(10_000)
  rig.hub.root = rig.hub.firstRoot
  rig.hub.remove('root/1').putKey(rig.hub.signer, 9_000)
  rig.hub.publish()
  await rig.advance(60_000)
  const told = (one = rig) => one.agent.status().health.find(({ code }) => code === 'intent-rejected')?.detail ?? ''
  assert.match(told(), /was left behind here/)
  assert.is(rig.agent.status().revision.applied.revision, 2)
  await rig.stop()
  const empty = again(rig, { store: new MemoryStore(), extra: { rootFile } })
  await empty.agent.start()
  await empty.advance(60_000)
  assert.is(empty.agent.status().revision.held.revision, 0)
  assert.ok(codes(empty).includes('intent-rejected'), codes(empty).join())
  await empty.stop()
})

test.run()
