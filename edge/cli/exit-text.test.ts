// `holdfast explain ADDRESS`: which exit an address is gone to by, and why, or that it is blocked.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { showCondition } from '../../shared/health.ts'
import type { NodeId } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { type FakeNode, fakeRecords } from '../../shared/record/parsed.fake.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { RouterState } from '../routers/own-routers.ts'
import { type WayOutSight, wayOut, wayOutText } from './exit-text.ts'

const SELF = 'pppppppppppppppp' as NodeId
const TILL = { role: 'till' }
const EXIT = { role: 'exit' }
const NODES: readonly FakeNode[] = [
  { name: 'self', nodeId: SELF, labels: TILL },
  { name: 'out-a', labels: EXIT },
  { name: 'out-b', labels: EXIT },
  { name: 'gw', labels: { role: 'gw' } },
]
const CLOSED = { nodes: { matchLabels: TILL }, via: { matchLabels: EXIT }, whenLost: 'Closed' }
const OPEN = { ...CLOSED, whenLost: 'Open' }

function sight(states: Readonly<Record<string, RouterState>>, code?: 'exit-closed' | 'exit-open'): WayOutSight {
  const routers = Object.entries(states).map(([name, state]) => ({ name, state }))
  return {
    routers: ['0.0.0.0/0', '::/0'].map((destination) => ({ destination, route: 'out', routers })),
    health: code === undefined ? [] : [showCondition({ code, since: 1 })],
  } as unknown as WayOutSight
}

const BOTH = sight({ 'out-a': 'ready', 'out-b': 'used' })

function ask(exit: object | undefined, address: string, seen: WayOutSight, nodes = NODES, routes = {}) {
  const exits =
    exit === undefined
      ? []
      : [{ name: 'out' as BodyOf<'exit'>['name'], spec: parseWith(specs.Exit, { resolvers: ['9.9.9.9'], ...exit }) }]
  return wayOut({ ...fakeRecords({ nodes, routes }), exits }, SELF, parseAddress(address), seen)
}

test('it is led out: by whom, why, and what becomes of it if they go', () => {
  const found = ask(CLOSED, '192.0.2.7', BOTH)
  assert.ok(found)
  assert.snapshot(
    wayOutText(found),
    `192.0.2.7 is gone to through out-b.
Exit/out selects this node: the internet sees out-b in its place.
Of several that one is taken that answers, then by measured path, then by metric.
Ready to take over: out-a.
Where none of them answers it is blocked (whenLost: Closed).
Networks of its own links, and what this host has a route of its own for besides its default one, stay there.
`,
  )
  assert.equal([found.way, found.by, found.through], ['exit', 'out', 'out-b'])
  const six = ask(OPEN, '2001:db8::7', sight({ 'out-a': 'used', 'out-b': 'gone' }))
  assert.is(six?.through, 'out-a')
  assert.match(six?.why.join('\n') ?? '', /Not answering: out-b\.\nWhere none of them answers it is gone to by the own/)
})

test('nobody answers: blocked where it is Closed, by the own uplink where it is Open', () => {
  const gone = { 'out-a': 'gone', 'out-b': 'used' } as const
  const closed = ask(CLOSED, '192.0.2.7', sight(gone, 'exit-closed'))
  assert.equal([closed?.way, closed?.through], ['blocked', undefined])
  assert.match(closed?.why.join('\n') ?? '', /out-a, out-b: none answers\.\nExit\/out is Closed .*\nLook after/)
  assert.is(ask(OPEN, '192.0.2.7', sight(gone, 'exit-open'))?.way, 'uplink')
  const notYet = ask(OPEN, '192.0.2.7', sight({ 'out-a': 'gone', 'out-b': 'gone' }))
  assert.is(notYet?.way, 'blocked', 'until it is said to be open it is led')
})

test('a family that nobody who leads out has', () => {
  const four = NODES.map((node, i) => (i === 0 ? node : { ...node, addresses: [`10.77.0.${i + 1}`] }))
  for (const exit of [CLOSED, OPEN]) {
    const found = ask(exit, '2001:db8::7', sight({ 'out-a': 'used' }), four)
    assert.is(found?.way, 'blocked')
    assert.match(found?.why[0] ?? '', 'none has IPv6 in the mesh')
  }
  const without = NODES.map((node, i) => ({ ...node, addresses: [`10.77.0.${i + 1}`] }))
  assert.is(ask(CLOSED, '2001:db8::7', BOTH, without)?.way, 'blocked')
  assert.is(ask(OPEN, '2001:db8::7', BOTH, without)?.way, 'uplink')
})

test('who goes out by itself is told why', () => {
  assert.match(ask(undefined, '192.0.2.7', BOTH)?.why[0] ?? '', /^No Exit selects this node\.$/)
  const own = ask({ ...CLOSED, via: { matchLabels: TILL } }, '192.0.2.7', BOTH)
  assert.equal([own?.way, own?.why], ['uplink', ['Exit/out selects this node, which leads out for others.']])
})

test('what is no address of the internet, and what is of the mesh', () => {
  assert.is(ask(CLOSED, '192.168.9.9', BOTH)?.way, 'private')
  assert.is(ask(CLOSED, '169.254.169.254', BOTH)?.way, 'private')
  assert.is(ask(CLOSED, '10.77.0.99', BOTH), undefined)
  assert.is(ask(CLOSED, 'fd77::99', BOTH), undefined)
})

test('a route goes before an exit, the narrowest first, and its own routers go there themselves', () => {
  const via = { matchLabels: { role: 'gw' } }
  const routes = { wide: { destination: '192.0.0.0/16', via }, narrow: { destination: '192.0.2.0/24', via } }
  const found = ask(CLOSED, '192.0.2.7', BOTH, NODES, routes)
  assert.equal([found?.way, found?.by, found?.through], ['route', 'narrow', 'gw'])
  const mine = { narrow: { destination: '192.0.2.0/24', via: { matchLabels: TILL } } }
  assert.is(ask(CLOSED, '192.0.2.7', BOTH, NODES, mine)?.way, 'exit')
})

test.run()
