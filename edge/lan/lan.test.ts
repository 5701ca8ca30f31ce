// Neighbours on a LAN in memory: they find each other, and nothing that a stranger can play there moves, doubles or loads them.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, seededEntropy } from '../../shared/effects.fake.ts'
import type { NodeId } from '../../shared/ids.ts'
import { type TestDevice, testDevice } from '../link/hub.fake.ts'
import { createNeighbour, createSegment, factAt, type Neighbour, type Said, testKey } from './lan.fake.ts'

const test = suite('lan')

interface Scene {
  readonly clock: FakeClock
  readonly segment: ReturnType<typeof createSegment>
  readonly members: Map<NodeId, TestDevice>
  readonly join: (index: number, address?: string, keys?: readonly Uint8Array[]) => Promise<Neighbour>
}

/** Members 1 to `size` of one network; whoever joins is on the LAN. */
function scene(size = 9): Scene {
  const clock = new FakeClock()
  const segment = createSegment()
  const members = new Map<NodeId, TestDevice>()
  for (let index = 1; index <= size; index++) {
    const device = testDevice(`node-${index}`, index)
    members.set(device.nodeId, device)
  }
  const join: Scene['join'] = (index, address = `192.168.1.${index}`, keys = [testKey]) =>
    createNeighbour({ segment, clock, index, address, members, keys })
  return { clock, segment, members, join }
}

function placeOf(of: Neighbour, at: Neighbour): string {
  return at.lan.near.get(of.device.nodeId)?.endpoints.join() ?? 'nowhere'
}

const isAnswer = ({ to }: Said): boolean => to !== undefined

test('two that start at once know each other within a moment', async () => {
  const { clock, join } = scene()
  const [one, two] = [await join(1), await join(2)]
  clock.advance(400)
  assert.is(placeOf(one, two), '192.168.1.1:51820')
  assert.is(placeOf(two, one), '192.168.1.2:51820')
  assert.ok(one.facts.has(two.device.nodeId))
  assert.ok(one.news() >= 1)
})

test('who comes later is answered at once, by each once', async () => {
  const { clock, join, segment } = scene()
  const old = [await join(1), await join(2), await join(3)]
  clock.advance(10_000)
  segment.said.length = 0
  const late = await join(4)
  clock.advance(400)
  for (const one of old) assert.is(placeOf(one, late), placeOf(one, old[0] === one ? (old[1] ?? one) : (old[0] ?? one)))
  const answers = segment.said.filter(isAnswer)
  assert.equal(answers.map(({ from, to }) => `${from} ${to}`).sort(), [
    '192.168.1.1 192.168.1.4',
    '192.168.1.2 192.168.1.4',
    '192.168.1.3 192.168.1.4',
  ])
})

test('both get other addresses in one moment, and find each other; what is over is forgotten', async () => {
  const { clock, join } = scene()
  const [one, two] = [await join(1), await join(2)]
  clock.advance(10_000)
  one.move('192.168.1.101')
  two.move('192.168.1.102')
  clock.advance(800)
  assert.is(placeOf(one, two), '192.168.1.101:51820')
  assert.is(placeOf(two, one), '192.168.1.102:51820')
  two.move('10.5.5.5')
  assert.is(placeOf(one, two), 'nowhere')
})

test('a lost word is repeated, and one who falls silent is forgotten', async () => {
  const { clock, join, segment } = scene()
  segment.up = false
  const [one, two] = [await join(1), await join(2)]
  clock.advance(1_000)
  segment.up = true
  clock.advance(4_000)
  assert.is(placeOf(one, two), '192.168.1.1:51820')
  await one.lan.stop()
  clock.advance(60_000)
  assert.is(placeOf(one, two), '192.168.1.1:51820')
  clock.advance(120_000)
  assert.is(placeOf(one, two), 'nowhere')
  const words = segment.said.length
  one.lan.say(factAt(one.device, '192.168.1.9', 9))
  clock.advance(1_000)
  assert.ok(segment.said.slice(words).every(({ from }) => from === '192.168.1.2'))
})

test('another network, and who is no member any more, mean nothing', async () => {
  const { clock, join, members } = scene()
  const [one, two] = [await join(1), await join(2)]
  const foreign = await join(3, '192.168.1.3', [new Uint8Array(32).fill(9)])
  clock.advance(5_000)
  assert.is(placeOf(foreign, one), 'nowhere')
  assert.is(placeOf(one, foreign), 'nowhere')
  members.delete(two.device.nodeId)
  two.move('192.168.1.22')
  clock.advance(40_000)
  assert.is(placeOf(two, one), 'nowhere')
  assert.is(one.facts.get(two.device.nodeId)?.fact.candidates[0]?.endpoint, '192.168.1.2:51820')
})

test('old beacons played again change nothing and bring about nothing', async () => {
  const { clock, join, segment } = scene()
  const [one, two] = [await join(1), await join(2)]
  clock.advance(5_000)
  const recorded = segment.said.map(({ bytes }) => bytes)
  one.move('192.168.1.101')
  two.move('192.168.1.102')
  clock.advance(5_000)
  const [news, words] = [one.news() + two.news(), segment.said.length]
  for (let round = 0; round < 20; round++) {
    for (const bytes of recorded) segment.inject(bytes, '192.168.1.66')
    clock.advance(500)
  }
  assert.is(placeOf(one, two), '192.168.1.101:51820')
  assert.is(one.news() + two.news(), news)
  assert.is(segment.said.slice(words).filter(isAnswer).length, 0)
})

test('nobody can have an answer sent to a third party, or more than one', async () => {
  const { clock, join, segment } = scene()
  const one = await join(1)
  const victim = testDevice('node-2', 2)
  clock.advance(5_000)
  const words = segment.said.length
  const call = (address: string, seq: number): Uint8Array => {
    const fact = factAt(victim, address, seq)
    return one.codec.seal([testKey], { kind: 'call', node: victim.nodeId, fact })[0] ?? new Uint8Array()
  }
  // A fact that names an address elsewhere: not answered, wherever the datagram seems to come from.
  segment.inject(call('203.0.113.5', 1), '192.168.1.77')
  clock.advance(1_000)
  assert.is(segment.said.slice(words).filter(isAnswer).length, 0)
  // One that names an address here is answered there, not where it came from, and once.
  const bytes = call('192.168.1.2', 2)
  for (let i = 0; i < 30; i++) segment.inject(bytes, `192.168.1.${100 + i}`)
  clock.advance(1_000)
  assert.equal(
    segment.said
      .slice(words)
      .filter(isAnswer)
      .map(({ to }) => to),
    ['192.168.1.2'],
  )
  const answer = segment.said.slice(words).find(isAnswer)
  assert.ok((answer?.bytes.length ?? 0) <= bytes.length)
})

test('a fact that its node did not sign is refused', async () => {
  const { clock, join, segment } = scene()
  const [one, two] = [await join(1), await join(2)]
  clock.advance(5_000)
  const liar = testDevice('node-3', 3)
  const fact = factAt({ ...liar, nodeId: two.device.nodeId }, '192.168.1.66', 99)
  for (const bytes of one.codec.seal([testKey], { kind: 'call', node: two.device.nodeId, fact })) {
    segment.inject(bytes, '192.168.1.66')
  }
  clock.advance(1_000)
  assert.is(placeOf(two, one), '192.168.1.2:51820')
})

test('what does not come from the link is not even looked at', async () => {
  const { clock, join, segment } = scene()
  const one = await join(1)
  clock.advance(1_000)
  const before = one.opened()
  for (const from of ['10.77.0.2', '192.168.2.5', 'fe80::1%docker0']) segment.inject(new Uint8Array(500), from)
  assert.is(one.opened(), before)
})

test('junk costs little, from one source and from many, and stops nobody who speaks after it', async () => {
  const { clock, join, segment } = scene()
  const [one, two] = [await join(1), await join(2)]
  clock.advance(5_000)
  const entropy = seededEntropy(5)
  const before = one.opened()
  for (let i = 0; i < 20_000; i++) {
    if (i % 20 === 0) clock.advance(1)
    segment.inject(entropy.bytes(8), `192.168.1.${66 + (i % 2)}`)
  }
  assert.ok(one.opened() - before < 200, `${one.opened() - before} of one source opened in a second`)
  for (let i = 0; i < 20_000; i++) segment.inject(entropy.bytes(8), `192.168.1.${3 + (i % 250)}`)
  assert.ok(one.opened() - before < 3_000, `${one.opened() - before} opened in all`)
  clock.advance(10_000)
  two.move('192.168.1.122')
  clock.advance(4_000)
  assert.is(placeOf(two, one), '192.168.1.122:51820')
})

test('a member that floods with facts is verified at a bounded rate', async () => {
  const { clock, join, segment } = scene()
  const one = await join(1)
  const flood = testDevice('node-2', 2)
  const before = one.offered()
  for (let seq = 1; seq <= 200; seq++) {
    const fact = factAt(flood, '192.168.1.2', seq)
    const [bytes] = one.codec.seal([testKey], { kind: 'call', node: flood.nodeId, fact })
    segment.inject(bytes ?? new Uint8Array(), '192.168.1.2')
    clock.advance(50)
  }
  assert.ok(one.offered() - before <= 30, `${one.offered() - before} verified in ten seconds`)
})

test('steady state is quiet: some words a minute from each, and no answers', async () => {
  const { clock, join, segment } = scene()
  for (let index = 1; index <= 5; index++) await join(index)
  clock.advance(10_000)
  segment.said.length = 0
  clock.advance(3_600_000)
  assert.is(segment.said.filter(isAnswer).length, 0)
  const each = segment.said.length / 5
  assert.ok(each > 100 && each < 145, `${each} beacons an hour from each`)
})

test('what changes all the time is said at a bounded rate', async () => {
  const { clock, join, segment } = scene()
  const one = await join(1)
  segment.said.length = 0
  for (let seq = 2; seq < 1_002; seq++) {
    one.lan.say(factAt(one.device, '192.168.1.1', seq))
    clock.advance(10)
  }
  assert.ok(segment.said.length >= 15 && segment.said.length <= 25, `${segment.said.length} in ten seconds`)
})

test.run()
