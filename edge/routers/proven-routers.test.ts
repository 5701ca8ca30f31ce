// Routers that are asked whether they forward: left when they do not, whatever they answer themselves.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cidr, parseAddress } from '../../shared/address/cidr.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import type { Fact } from '../../shared/fact/fact.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import type { PeerEntry } from '../report/peers.ts'
import type { Running } from '../trust/compose.ts'
import type { Echo } from './echoes.ts'
import { createOwnRouters } from './own-routers.ts'
import { createProofs } from './proofs.ts'

const BLOCK = '192.168.50.0/24' as Cidr

/** A machine that is asked for, behind both; `dead`: who does not forward. `says`: what they say of themselves. */
function asking(via: readonly string[] = ['first', 'second']) {
  const clock = new FakeClock()
  const probed = fakeRecords({
    nodes: [
      { name: 'self' },
      { name: 'gw-a', labels: { role: 'first' }, advertise: [BLOCK] },
      { name: 'gw-b', labels: { role: 'second' }, advertise: [BLOCK] },
    ],
    routes: {
      lan: {
        destination: BLOCK,
        via: { matchExpressions: [{ key: 'role', operator: 'In', values: [...via] }] },
        probe: parseAddress('192.168.50.9'),
      },
    },
  })
  const [dead, wordBytes, raised] = [new Set<string>(), new Map<WgKey, number>(), new Map<string, string>()]
  const [asked, traffic]: [Echo[], { warm: boolean }] = [[], { warm: true }]
  const facts = new Map<NodeId, { fact: Partial<Fact> }>(
    probed.nodes.map(({ nodeId }) => [nodeId, { fact: { proves: true } }]),
  )
  const peers = new Map(
    probed.nodes.map((member) => [member.nodeId, { member, path: 'direct', heardAt: 0 } as unknown as PeerEntry]),
  )
  const proofs = createProofs({
    clock,
    facts: { facts: facts as never },
    peers: { of: (node) => peers.get(node) },
    paths: { isWarm: () => traffic.warm },
    wordBytes,
    onChange: () => void turns.push(clock.monotonic()),
    open: async (onAnswer) => ({
      ask(echo) {
        asked.push(echo)
        if (!dead.has(echo.at)) clock.after(20, () => onAnswer(echo))
      },
      close: () => undefined,
    }),
  })
  const turns: number[] = []
  const health = {
    raise: (code: string, detail = '') => void raised.set(code, detail),
    clear: (code: string) => void raised.delete(code),
  }
  const [self, first, second] = probed.nodes
  const routers = createOwnRouters({
    self: self?.nodeId as NodeId,
    clock,
    facts: { facts: facts as never },
    health,
    metered: false,
    peers: { of: (node) => peers.get(node) },
    paths: { engine: () => 'on', isSilent: () => false, isAwake: () => true, view: () => undefined },
    proofs,
  })
  const held = { parsed: { records: probed } } as unknown as Running
  const states = (): string =>
    routers
      .status()
      .flatMap((one) => one.routers.map(({ name, state }) => `${name} ${state}`))
      .join(', ')
  const addresses = [first, second].map((node) => node?.addresses[0] ?? '')
  /** As the agent does: a turn now and then, and one whenever something is another. */
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 100) {
      await clock.advanceAsync(100)
      if (turns.splice(0).length > 0 || at % 4_000 === 0) routers.follow(held)
    }
  }
  return { a: first?.nodeId, addresses, asked, dead, facts, pass, raised, routers, states, traffic, wordBytes }
}

test('one that answers and does not forward is left within 2 s, and held for half a minute when it forwards again', async () => {
  const { addresses, asked, dead, pass, raised, routers, states } = asking()
  await pass(1_000)
  assert.is(states(), 'gw-a used, gw-b ready')
  assert.equal(
    routers.status()[0]?.routers.map(({ proof }) => proof),
    ['proven', 'proven'],
  )
  assert.is(routers.status()[0]?.probe, '192.168.50.9')
  assert.equal(new Set(asked.map(({ at }) => at)), new Set(addresses))
  dead.add(addresses[0] ?? '')
  await pass(1_900)
  assert.is(states(), 'gw-a ready, gw-b used')
  assert.is(routers.status()[0]?.routers[0]?.proof, 'failing')
  assert.not(raised.has('route-unproven'), 'somebody forwards')
  dead.clear()
  await pass(20_000)
  assert.is(routers.status()[0]?.routers[0]?.proof, 'proven')
  dead.add(addresses[1] ?? '')
  await pass(1_900)
  assert.is(states(), 'gw-a used, gw-b ready')
})

test('where nobody proves anything the choice is as ever, it is said, and over when somebody does', async () => {
  const { addresses, dead, pass, raised, states } = asking()
  await pass(1_000)
  for (const at of addresses) dead.add(at)
  await pass(8_000)
  assert.is(states(), 'gw-a used, gw-b ready')
  assert.is(
    raised.get('route-unproven'),
    'Route/lan: 192.168.50.9 answers through none of gw-a, gw-b; gw-a is used all the same',
  )
  dead.delete(addresses[1] ?? '')
  await pass(4_000)
  assert.is(states(), 'gw-a ready, gw-b used')
  assert.equal([...raised], [])
})

test('a device at rest asks nobody; echoes to the router in use are no payload, and one that can’t prove is not asked', async () => {
  const { addresses, asked, facts, pass, routers, states, traffic, wordBytes, a } = asking()
  await pass(4_000)
  const keys = [...wordBytes]
  assert.is(keys.length, 1, 'those of the one in use')
  assert.is(keys[0]?.[1], 160 * asked.filter(({ at }) => at === addresses[0]).length)
  traffic.warm = false
  await pass(4_100)
  asked.length = 0
  await pass(60_000)
  assert.is(asked.length, 0)
  traffic.warm = true
  if (a !== undefined) facts.set(a, { fact: {} })
  await pass(8_000)
  assert.equal(new Set(asked.map(({ at }) => at)), new Set([addresses[1]]))
  assert.is(routers.status()[0]?.routers[0]?.proof, 'unable')
  assert.is(states(), 'gw-a ready, gw-b used', 'whoever proves it goes first')
})

test('one that says that it leaves is left before it does, and taken again when it stays', async () => {
  const { a, facts, pass, routers, states } = asking()
  await pass(1_000)
  if (a !== undefined) facts.set(a, { fact: { proves: true, leaving: true } })
  await pass(100)
  assert.is(states(), 'gw-a ready, gw-b used')
  assert.is(routers.status()[0]?.routers[0]?.leaves, true)
})

test('the only router of a subnet is asked now and then, so that somebody knows', async () => {
  const { addresses, asked, dead, pass, raised } = asking(['first'])
  await pass(30_000)
  assert.ok(asked.length >= 3 && asked.length <= 5, `${asked.length} echoes`)
  dead.add(addresses[0] ?? '')
  await pass(20_000)
  assert.match(
    raised.get('route-unproven') ?? '',
    /^Route\/lan: 192.168.50.9 answers through no echo by gw-a; gw-a is used/,
  )
})

test.run()
