// Two engines and everything between them, in virtual time: who is used when, and what stays still.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { makeWorld, RELAY_NODE, RELAY_WAY, startWorld, type World } from './engine.fake.ts'
import type { FakeHost, Side } from './engine-host.fake.ts'
import type { PathView } from './path.ts'

const A = '192.0.2.1:51820' as Endpoint
const B = '192.0.2.2:51820' as Endpoint
/** Where the relay answers STUN. */
const ASKED: ReadonlySet<string> = new Set(['198.51.100.1:3478', '198.51.100.1:3479'])
const STRANGE = '203.0.113.66:4242' as Endpoint

/** A direct way of 10 ms and one through the relay of 20 ms; each knows where the other is. */
function makePair(): World {
  const world = makeWorld()
  world.ways.push({ at: { a: B, b: A }, delayMs: 10, up: true })
  world.ways.push({ at: { a: RELAY_WAY, b: RELAY_WAY }, delayMs: 20, up: true })
  world.a.candidates = [{ kind: 'public', endpoint: A }]
  world.b.candidates = [{ kind: 'public', endpoint: B }]
  return world
}

/** Payload both ways, a packet each 100 ms. */
function pump(world: World): void {
  world.clock.after(100, () => {
    world.send('a')
    world.send('b')
    pump(world)
  })
}

async function connected(): Promise<World> {
  const world = makePair()
  await startWorld(world)
  pump(world)
  await world.run(5_000)
  assert.equal([world.a.wg?.endpoint, world.b.wg?.endpoint], [B, A])
  return world
}

function viewOf(world: World, side: Side): PathView {
  const view = world[side].engine.view(world[side === 'a' ? 'b' : 'a'].member.nodeId)
  assert.ok(view)
  return view
}

function stateOf(world: World, side: Side, endpoint: Endpoint): string | undefined {
  const one = viewOf(world, side).candidates.find((candidate) => candidate.endpoint === endpoint)
  return one?.inUse === true ? 'in use' : one?.state
}

const atRelay = ({ wg }: FakeHost): boolean => wg?.endpoint === RELAY_WAY

function way(world: World, at: Endpoint): World['ways'][number] {
  const found = world.ways.find((one) => one.at.a === at)
  if (found === undefined) throw new TypeError(`no way at ${at}`)
  return found
}

/** What was sent, other than questions to relays: those are not about peers. */
function said(world: World, only?: Side): number {
  return world.sent.filter(({ side, to }) => !ASKED.has(to) && (only ?? side) === side).length
}

test('two that were never told of a way meet as soon as they are told', async () => {
  const world = makePair()
  await startWorld(world)
  await world.run(100)
  assert.equal([world.a.wg?.endpoint, world.b.wg?.endpoint], [B, A])
  assert.is(stateOf(world, 'a', B), 'in use')
  assert.is(viewOf(world, 'a').decides, true)
  assert.is(viewOf(world, 'b').decides, false)
  assert.equal(world.a.nudged, [], 'no handshake while nobody has payload')
  await world.run(60_000)
  const before = said(world)
  await world.run(600_000)
  assert.is(said(world), before, 'nobody waits, so nothing is sent')
})

test('payload makes both bind the relay, and keep it ready', async () => {
  const world = await connected()
  assert.equal([world.a.relayed, world.b.relayed], [['bind 198.51.100.1:3478'], ['bind 198.51.100.1:3478']])
  for (const side of ['a', 'b'] as const) assert.is(stateOf(world, side, RELAY_WAY), 'valid')
  assert.is(world.a.engine.viaOf(RELAY_WAY), RELAY_NODE)
  assert.is(world.a.engine.viaOf(B), undefined)
})

test('a cut path gives way to the relay within 400 ms, and comes back without a loss', async () => {
  const world = await connected()
  way(world, B).up = false
  await world.run(400)
  assert.ok(atRelay(world.a))
  await world.run(400)
  assert.ok(atRelay(world.b))
  way(world, B).up = true
  await world.run(2_000)
  assert.ok(atRelay(world.a), 'not at once: it may fail again')
  const [sent, received] = [world.b.wg?.txBytes ?? 0, world.a.received]
  await world.run(60_000)
  assert.equal([world.a.wg?.endpoint, world.b.wg?.endpoint], [B, A])
  const packets = ((world.b.wg?.txBytes ?? 0) - sent) / 1_000
  assert.ok(packets - (world.a.received - received) <= 1, 'but for what is on its way')
})

test('the peer is a path’s only witness: its answers tell both where they come from outside', async () => {
  const world = await connected()
  const { mapped, natType } = world.a.engine.mapping()
  assert.equal({ mapped, natType }, { mapped: [A], natType: 'endpoint-independent' })
})

test('a peer that is removed is left in peace for good: no frame, no turn, no binding', async () => {
  const world = await connected()
  // The worst moment: its path has just died, and the search is on.
  for (const one of world.ways) one.up = false
  await world.run(2_000)
  world.b.isMember = false
  world.turn('a')
  await world.run(100)
  world.a.wg = undefined
  const [sent, used] = [said(world, 'a'), world.a.used.length]
  for (const one of world.ways) one.up = true
  await world.run(30_000)
  assert.is(said(world, 'a'), sent)
  assert.is(world.a.used.length, used)
  assert.is(world.a.relayed.at(-1), 'release 198.51.100.1:3478')
  assert.is(world.a.engine.view(world.b.member.nodeId), undefined)
  assert.is(world.a.engine.chosen.size, 0)
})

test('removing a peer turns it nowhere', async () => {
  const world = await connected()
  world.relayUp = true
  way(world, B).up = false
  await world.run(1_000)
  assert.ok(atRelay(world.a))
  world.relayUp = false
  await world.run(3_000)
  const used = world.a.used.length
  world.b.isMember = false
  world.turn('a')
  await world.run(10)
  assert.is(world.a.used.length, used)
  assert.is(world.a.engine.chosen.size, 0)
})

test('own addresses changed: everything is looked at anew, with the first address, too', async () => {
  const world = makePair()
  const { local } = world.a
  // A device that boots before its network is there.
  world.a.local = []
  for (const one of world.ways) one.up = false
  await startWorld(world)
  pump(world)
  await world.run(60_000)
  for (const one of world.ways) one.up = true
  world.a.local = local
  world.turn('a')
  await world.run(200)
  assert.is(world.a.relayed.includes('network changed'), true)
  assert.is(stateOf(world, 'a', B), 'in use')
  // The cable is pulled and put back.
  world.a.local = []
  world.turn('a')
  world.a.local = local
  world.turn('a')
  assert.is(world.a.relayed.filter((one) => one === 'network changed').length, 3)
})

test('addresses that stayed are no change', async () => {
  const world = await connected()
  world.a.local = [...world.a.local]
  for (let i = 0; i < 5; i++) world.turn('a')
  assert.is(world.a.relayed.includes('network changed'), false)
})

test('a new address changes the mapping that is told', async () => {
  const world = await connected()
  const address = '10.5.0.1' as Address
  world.a.local = [{ interface: 'wwan0', address, cidr: '10.5.0.0/24' as Cidr, physical: true }]
  world.turn('a')
  assert.equal(world.a.engine.mapping().mapped, [], 'what was seen of the old one is history')
  await world.run(1_000)
  assert.equal(world.a.engine.mapping().mapped, [A], 'and it is seen anew at once')
})

test('the pace is changed at the next turn', async () => {
  const world = await connected()
  const probes = async (): Promise<number> => {
    const before = world.sent.filter(({ side }) => side === 'a').length
    await world.run(10_000)
    return world.sent.filter(({ side }) => side === 'a').length - before
  }
  await world.run(5_000)
  const fast = await probes()
  for (const side of ['a', 'b'] as const) {
    world[side].pace = 'normal'
    world.turn(side)
  }
  await probes()
  const normal = await probes()
  assert.is(viewOf(world, 'a').mode, 'normal')
  assert.ok(fast > 3 * normal, `${fast} and ${normal}`)
})

test('an agent that starts anew finds its peer again without disturbing the path', async () => {
  const world = await connected()
  for (const side of ['a', 'b'] as const) {
    const [lost, endpoints] = [world[side].received, [world.a.wg?.endpoint, world.b.wg?.endpoint]]
    await world.restart(side)
    await world.run(3_000)
    assert.ok(world[side].received - lost >= 29)
    assert.equal([world.a.wg?.endpoint, world.b.wg?.endpoint], endpoints)
    for (const end of ['a', 'b'] as const) assert.is(stateOf(world, end, end === 'a' ? B : A), 'in use')
    assert.is(viewOf(world, side).candidates.find(({ inUse }) => inUse)?.state, 'valid')
  }
})

test('an earlier life of the peer, played again from elsewhere, moves nothing and is answered once', async () => {
  const world = await connected()
  const recorded = world.sent.filter(({ side }) => side === 'b').map(({ bytes }) => bytes)
  await world.restart('b')
  await world.run(3_000)
  for (const bytes of recorded) {
    const before = world.sent.length
    world.inject('a', STRANGE, bytes)
    const answers = world.sent.slice(before)
    assert.ok(answers.length <= 1)
    for (const answer of answers) assert.ok(answer.to === STRANGE && answer.bytes.length <= bytes.length)
    const sent = world.sent.filter(({ to }) => to === STRANGE).length
    await world.run(50)
    assert.is(world.sent.filter(({ to }) => to === STRANGE).length, sent, 'nor later')
  }
  await world.run(3_000)
  assert.is(stateOf(world, 'a', STRANGE), undefined, 'nobody looks for the peer there')
  assert.is(world.a.wg?.endpoint, B)
})

test('a peer that nobody told where is found by where it asks from, whoever decides', async () => {
  for (const silent of ['a', 'b'] as const) {
    const world = makePair()
    // Its mapping is known to nobody: it is behind a NAT, and no fact has arrived.
    world[silent].candidates = []
    world.relayUp = false
    await startWorld(world)
    await world.run(300)
    for (const side of ['a', 'b'] as const) assert.is(stateOf(world, side, side === 'a' ? B : A), 'in use')
    assert.equal([world.a.wg?.endpoint, world.b.wg?.endpoint], [B, A], 'without any payload')
  }
})

test('where the port is not shared the engine stays still', async () => {
  const world = makePair()
  world.a.sharing = false
  assert.is(await world.a.engine.start(), false)
  await world.run(10_000)
  assert.equal([world.sent.length, world.a.used.length, world.a.changes], [0, 0, 0])
})

test('stopped, it sends nothing any more, leaves no timer, and the tunnel goes on', async () => {
  const world = await connected()
  await world.a.engine.stop()
  await world.b.engine.stop()
  assert.is(world.a.relayed.at(-1), 'close')
  const [sent, received] = [world.sent.length, world.a.received]
  await world.run(3_000)
  assert.is(world.sent.length, sent)
  assert.ok(world.a.received - received >= 29)
})

test.run()
