// A whole agent among peers that gossip: it takes newer intent from a peer and from a file, passes it on, and is heard again
// when its own counter was lost.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../shared/address/cidr.ts'
import { seededEntropy } from '../shared/effects.fake.ts'
import { isHoldfastError } from '../shared/errors.ts'
import { attempt } from '../shared/fuzz.fake.ts'
import { begin, me, other, type Rig, shake, third } from './agent-rig.fake.ts'
import { writeCarried } from './gossip/carried.ts'
import { createFakeMesh } from './gossip/door.fake.ts'
import { createRigNode, factOf, type RigNode } from './gossip/gossip-rig.fake.ts'
import { testDeflate } from './link/hub.fake.ts'

const test = suite('agent gossip')

interface Pair {
  readonly rig: Rig
  readonly peer: RigNode
}

/** The agent `me` and a node `other` that gossips, at revision 1, and no hub unless `online`. */
async function pair(online = false): Promise<Pair> {
  const mesh = createFakeMesh(seededEntropy(3))
  const clock = { at: undefined as Rig['clock'] | undefined }
  const lazy = {
    now: () => clock.at?.now() ?? 0,
    monotonic: () => clock.at?.monotonic() ?? 0,
    after: (ms: number, run: () => void) => clock.at?.after(ms, run) ?? { cancel: () => undefined },
  }
  const gossip = { door: mesh.door(me.nodeId, lazy), deflate: testDeflate }
  const rig = begin({ extra: { gossip } })
  clock.at = rig.clock
  const peer = createRigNode({
    hub: rig.hub,
    mesh,
    clock: rig.clock,
    device: other,
    snapshot: rig.hub.snapshot(),
  })
  if (online) rig.hub.attach(rig.broker)
  peer.online = online
  await rig.agent.start()
  peer.gossip.start()
  shake(rig, other, '192.0.2.9:51820')
  await rig.advance(15_000)
  return { rig, peer }
}

test('a peer that knows more is asked, and the kernel follows', async () => {
  const { peer, rig } = await pair()
  rig.hub.putNode(third).commit()
  peer.intake.offer('snapshot', rig.hub.snapshot(), { by: 'file' })
  await rig.advance(10_000)
  const { gossip, revision } = rig.agent.status()
  assert.equal([revision.applied.revision, revision.source?.by], [2, 'peer'])
  assert.ok(rig.kernel.device?.peers.has(third.wgKey))
  assert.is(gossip.last?.peer, other.name)
  await rig.stop()
})

test('a fact that the broker swallows goes from node to node, before anybody knows that the hub is gone', async () => {
  const { peer, rig } = await pair(true)
  const isKnown = (host: string): boolean =>
    peer.facts.facts.get(me.nodeId)?.fact.candidates.some(({ endpoint }) => endpoint.startsWith(host)) === true
  const move = (host: string): void => {
    const [one] = rig.kernel.local
    if (one !== undefined) rig.kernel.local = [{ ...one, address: parseAddress(host) }]
    rig.agent.wake()
  }
  await rig.advance(30_000)
  move('192.168.1.6')
  await rig.advance(30_000)
  assert.not.ok(isKnown('192.168.1.6'), 'the hub tells it')
  rig.broker.mute(me.nodeId)
  move('192.168.1.7')
  await rig.advance(20_000)
  assert.is(rig.agent.status().mode, 'online')
  assert.ok(isKnown('192.168.1.7'))
  await rig.stop()
})

test('a node that is cut off says which peer hears the hub, and when it said so', async () => {
  const { peer, rig } = await pair()
  assert.equal(rig.agent.status().cutOff?.hubHeardBy, [])
  peer.online = true
  await rig.advance(130_000)
  const [first] = rig.agent.status().cutOff?.hubHeardBy ?? []
  assert.is(first?.peer, other.name)
  assert.ok((first?.agoS ?? 999) <= 75, `${first?.agoS} s ago`)
  await rig.stop()
})

test('a file is taken, told to the peer, and means nothing the second time; a bad one is refused', async () => {
  const { peer, rig } = await pair()
  const older = rig.agent.exportIntent()
  rig.hub.putNode(third).commit()
  const donor = createRigNode({
    hub: rig.hub,
    mesh: createFakeMesh(seededEntropy(4)),
    clock: rig.clock,
    device: third,
    snapshot: rig.hub.snapshot(),
  })
  const file = writeCarried(donor.holdings.holder({ by: 'file' }, undefined))
  const bad = attempt(() => rig.agent.importIntent(file.map((byte, i) => (i === 150 ? byte ^ 4 : byte))))
  assert.ok(isHoldfastError(bad))
  assert.equal(
    [rig.agent.importIntent(file), rig.agent.importIntent(file), rig.agent.importIntent(older)],
    [true, false, false],
  )
  assert.is(rig.agent.status().revision.source?.by, 'file')
  await rig.advance(10_000)
  assert.is(peer.revision(), 2)
  await rig.stop()
})

test('a node whose counter was lost learns from a peer what it said last, and goes beyond it', async () => {
  const { peer, rig } = await pair()
  peer.facts.offer(me.nodeId, factOf(me, '192.0.2.1:51820', 41, 7).envelope)
  await rig.advance(180_000)
  assert.ok((peer.facts.facts.get(me.nodeId)?.fact.boot ?? 0) > 41)
  await rig.stop()
})

test('who is removed by newer intent is out of the kernel at once, and told nothing', async () => {
  const { peer, rig } = await pair()
  const heard = peer.gossip.status().heard
  rig.hub.remove(`node/${other.name}`).putNode(third).commit()
  assert.ok(rig.kernel.device?.peers.has(other.wgKey))
  const carrier = createRigNode({
    hub: rig.hub,
    mesh: createFakeMesh(seededEntropy(5)),
    clock: rig.clock,
    device: third,
    snapshot: rig.hub.snapshot(),
  })
  rig.agent.importIntent(writeCarried(carrier.holdings.holder({ by: 'file' }, undefined)))
  await rig.advance(130_000)
  assert.is(rig.kernel.device?.peers.has(other.wgKey), false)
  assert.equal([peer.revision(), peer.gossip.status().heard], [1, heard])
  await rig.stop()
})

test.run()
