// When a device counts as without a way out, and when it has one again.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import type { NodeId } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { RouterSight } from '../routers/choice.ts'
import type { Running } from '../trust/compose.ts'
import { createOwnExit } from './own-exit.ts'

function rig(whenLost: 'Closed' | 'Open') {
  const clock = new FakeClock()
  const base = fakeRecords({
    nodes: [{ name: 'self' }, { name: 'a', labels: { role: 'exit' } }, { name: 'b', labels: { role: 'exit' } }],
  })
  const [self, a, b] = base.nodes.map(({ nodeId }) => nodeId)
  const spec = parseWith(specs.Exit, {
    nodes: {},
    via: { matchLabels: { role: 'exit' } },
    resolvers: ['9.9.9.9'],
    whenLost,
  })
  const exits = [{ name: 'out' as BodyOf<'exit'>['name'], spec }]
  const held = { parsed: { records: { ...base, exits } } } as unknown as Running
  const without = { parsed: { records: base } } as unknown as Running
  const standings = new Map<NodeId | undefined, RouterSight['standing']>()
  const raised = new Set<string>()
  const nudged: Address[] = []
  let woken = 0
  let hubAt: Endpoint | undefined
  const exit = createOwnExit({
    self: self as NodeId,
    clock,
    log: memoryLog(),
    health: { raise: (code) => void raised.add(code), clear: (code) => void raised.delete(code) },
    routers: { standingOf: (node) => standings.get(node) ?? 'there' },
    ports: [51_820],
    hub: [{ host: 'hub.example.org', port: 8_443 }],
    names: { resolve: () => hubAt },
    wake: () => void (woken += 1),
    nudge: (address) => void nudged.push(address),
  })
  const all = (standing: RouterSight['standing']): void => {
    for (const node of [a, b]) standings.set(node, standing)
  }
  return {
    a,
    all,
    clock,
    exit,
    follow: () => exit.follow(held),
    held,
    leave: () => exit.follow(without),
    nudged,
    woken: () => woken,
    raised,
    standings,
    hub: (at: string) => void (hubAt = at as Endpoint),
  }
}

test('a switch from one to the other opens and closes nothing; none for three seconds does', () => {
  const { a, all, clock, exit, follow, raised, standings, woken } = rig('Closed')
  standings.set(a, 'gone')
  assert.not(follow())
  clock.advance(60_000)
  assert.not(follow())
  all('gone')
  assert.not(follow())
  clock.advance(2_900)
  assert.not(follow())
  assert.is(woken(), 0)
  clock.advance(200)
  assert.is(woken(), 1, 'nobody has to wait for the next look')
  assert.ok(follow())
  assert.ok(exit.wish().isLost)
  assert.equal([...raised], ['exit-closed'])
  // Closed, any word of any of them is good enough.
  standings.set(a, 'held')
  assert.ok(follow())
  assert.not(exit.wish().isLost)
  assert.equal([...raised], [])
})

test('one that comes and goes within those seconds was never lost', () => {
  const { all, clock, exit, follow } = rig('Closed')
  for (let i = 0; i < 10; i++) {
    all('gone')
    follow()
    clock.advance(2_000)
    all('there')
    follow()
    clock.advance(2_000)
  }
  assert.not(exit.wish().isLost)
})

test('what is open closes again for somebody who answers for five seconds', () => {
  const { a, all, clock, follow, raised, standings } = rig('Open')
  all('gone')
  follow()
  clock.advance(3_000)
  assert.ok(follow())
  assert.equal([...raised], ['exit-open'])
  standings.set(a, 'held')
  assert.not(follow())
  clock.advance(4_000)
  all('gone')
  assert.not(follow())
  standings.set(a, 'held')
  assert.not(follow())
  clock.advance(4_000)
  assert.not(follow())
  clock.advance(1_000)
  assert.ok(follow())
  assert.equal([...raised], [])
})

test('who is lost is sought every three seconds; where no exit is said any more, nothing is told or sought', () => {
  const { all, clock, exit, follow, leave, nudged, raised } = rig('Closed')
  follow()
  assert.equal(nudged, [])
  all('gone')
  for (let i = 0; i < 16; i++) {
    follow()
    clock.advance(1_000)
  }
  assert.is(nudged.length, 12, 'two of them, six times')
  leave()
  assert.not(exit.wish().isLost)
  assert.equal([...raised], [])
  clock.advance(60_000)
  leave()
  assert.is(nudged.length, 12)
})

test('what intent says anew of it is told while it is lost', () => {
  const { all, clock, exit, follow, held, raised } = rig('Closed')
  all('gone')
  follow()
  clock.advance(3_000)
  follow()
  assert.equal([...raised], ['exit-closed'])
  const { records } = held.parsed
  const exits = records.exits.map((one) => ({ ...one, spec: { ...one.spec, whenLost: 'Open' as const } }))
  exit.follow({ parsed: { records: { ...records, exits } } } as unknown as Running)
  assert.equal([...raised], ['exit-open'])
})

test('the hub is talked to past the exit as soon as its name is known', () => {
  const { exit, follow, hub } = rig('Closed')
  assert.not(follow())
  assert.equal(exit.wish().words, { ports: [51_820], contacts: [] })
  hub('192.0.2.1:8443')
  assert.ok(follow())
  assert.equal(exit.wish().words.contacts, [{ protocol: 'tcp', address: '192.0.2.1', port: 8_443 }])
  assert.not(follow())
})

test.run()
