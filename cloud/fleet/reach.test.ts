// What a Route says of itself: who leads there, by whom devices go, who does not forward, and which others touch it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCidr } from '../../shared/address/cidr.ts'
import { parseName } from '../../shared/ids.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { encodeStatus } from '../../shared/wire/report.ts'
import { admin, createWorld, device, resource } from '../hub-world.fake.ts'
import { type Leader, reachOf } from './reach.ts'
import { reached, touching } from './route-conditions.ts'

const BLOCK = parseCidr('192.168.1.0/24')

function route(name: string, site: string, destination = '192.168.1.0/24'): Resource<'Route'> {
  return resource('Route', name, { destination, via: { matchLabels: { site } } }) as unknown as Resource<'Route'>
}

function leader(name: string, site: string, more: Partial<Leader> = {}): Leader {
  return { name, labels: { site }, advertise: [parseCidr('192.168.0.0/16')], online: true, ...more }
}

function says(name: string, used: string, ...failing: readonly string[]) {
  const routes = [{ block: BLOCK, used: parseName(used), failing: failing.map(parseName) }]
  return { name: parseName(name), report: { routes } as never }
}

test('nobody leads there, or nobody who advertises it', () => {
  const lan = route('lan', 'alpha')
  assert.is(reached(reachOf(lan, [lan], [], [])).reason, 'NoRouters')
  const mute = leader('a-1', 'alpha', { advertise: [parseCidr('192.168.1.0/25')] })
  assert.equal([reached(reachOf(lan, [lan], [mute], [])).status], ['False'])
})

test('devices say by whom they go and who does not forward; where that is all of them it is not ready', () => {
  const [lan, nodes] = [route('lan', 'alpha'), [leader('a-2', 'alpha'), leader('a-1', 'alpha', { online: false })]]
  const some = reached(reachOf(lan, [lan], nodes, [says('b', 'a-2', 'a-1'), says('c', 'a-2'), says('d', 'elsewhere')]))
  assert.equal(
    [some.status, some.message],
    [
      'True',
      '1 of 2 routers are connected; offline: a-1; devices go there: 2 by a-2; a-1 does not forward, as b found',
    ],
  )
  const none = reached(reachOf(lan, [lan], nodes, [says('b', 'a-2', 'a-2', 'a-1')]))
  assert.equal([none.status, none.reason], ['False', 'NotForwarding'])
  assert.match(none.message, /nobody forwards for b$/)
  assert.is(reached(reachOf(lan, [lan], [leader('a-1', 'alpha', { online: false })], [])).status, 'Unknown')
})

test('the same addresses at another site are said, at one site they are one subnet, and narrower ones go first', () => {
  const [lan, far, near] = [route('lan', 'alpha'), route('far', 'beta'), route('near', 'alpha')]
  const part = route('part', 'gamma', '192.168.1.128/25')
  const nodes = [leader('a', 'alpha'), leader('b', 'beta'), leader('g', 'gamma')]
  const said = touching(reachOf(lan, [lan, far, near, part], nodes, []))
  assert.equal([said.status, said.reason], ['True', 'OtherSite'])
  assert.match(said.message, /^Route\/far leads to the same addresses at another site .* nat: netmap$/)
  const inside = touching(reachOf(lan, [lan, near, part], nodes, []))
  assert.equal([inside.status, inside.message], ['False', 'narrower ones go first: 192.168.1.128/25 by Route/part'])
  assert.is(touching(reachOf(part, [lan, part], nodes, [])).reason, 'NoConflicts')
  const unlabelled = [leader('a', 'alpha'), { ...leader('b', 'beta'), labels: {} }]
  assert.is(touching(reachOf(lan, [lan, far], unlabelled, [])).reason, 'NoConflicts')
})

test('the hub hears it from a device and shows it', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  world.hub.put(resource('Node', 'alpha', { labels: { site: 'x' }, advertise: ['192.168.1.0/24'] }), admin)
  world.hub.put(
    resource('Route', 'plant', { destination: '192.168.1.0/24', via: { matchLabels: { site: 'x' } } }),
    admin,
  )
  await world.pass()
  const { nodeId } = device(1)
  await world.presence(nodeId, true)
  await world.acknowledge(nodeId)
  const told = (): string | undefined => {
    const { conditions = [] } = world.hub.get('Route', 'plant')?.status ?? {}
    const found = conditions.find(({ type }) => type === 'Ready')
    return found === undefined ? undefined : `${found.status} ${found.reason}: ${found.message}`
  }
  assert.is(told(), 'True RoutersOnline: 1 of 1 routers are connected')
  const [report] = world.hub.fleet().flatMap(({ report: one }) => one ?? [])
  assert.ok(report !== undefined)
  const routes = [{ block: BLOCK, used: parseName('alpha'), failing: [parseName('alpha')] }]
  await world.say(nodeId, 'status', encodeStatus({ ...report, routes }))
  assert.match(told() ?? '', /^False NotForwarding: .*nobody forwards for alpha$/)
})

test.run()
