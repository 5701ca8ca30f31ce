// A route that devices do not follow, because they stand in such a network themselves: who says so, and what the route says then.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCidr } from '../../shared/address/cidr.ts'
import { parseName } from '../../shared/ids.ts'
import { heldText, refusedText } from '../../shared/intent/overlap.ts'
import { encodeStatus } from '../../shared/wire/report.ts'
import { admin, createWorld, device, resource } from '../hub-world.fake.ts'
import { refusalsIn } from './overlaps.ts'

const lan = { cidr: parseCidr('192.168.1.0/24'), interface: 'eth0' }
const refused = refusedText({ kind: 'Route', name: 'plant' }, lan.cidr, lan)
const mesh = refusedText({ kind: 'Network', name: 'default' }, lan.cidr, lan)

test('devices are found by what they say, each once, in order of name', () => {
  const says = (name: string, ...details: readonly string[]) => ({
    name: parseName(name),
    health: details.map((detail) => ({ code: 'address-conflict' as const, since: 1, detail })),
  })
  const wide = heldText({ kind: 'Route', name: 'wide' }, parseCidr('192.168.0.0/16'), lan)
  const found = refusalsIn([says('beta', `${mesh}; ${refused}; ${wide}`), says('alpha', refused), says('gamma')])
  assert.equal(
    [...found],
    [
      ['Network/default', ['beta']],
      ['Route/plant', ['alpha', 'beta']],
    ],
  )
})

test('the route has a condition with the remedy until that is over, and whoever follows the hub is woken', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  world.hub.put(resource('Route', 'plant', { destination: '192.168.1.0/24', via: {} }), admin)
  await world.pass()
  const { nodeId } = device(1)
  const told = (): string | undefined => {
    const { conditions = [] } = world.hub.get('Route', 'plant')?.status ?? {}
    const found = conditions.find(({ type }) => type === 'Conflict')
    return found === undefined ? undefined : `${found.status} ${found.reason}: ${found.message}`
  }
  await world.presence(nodeId, true)
  await world.acknowledge(nodeId)
  const [report] = world.hub.fleet().flatMap(({ report: one }) => one ?? [])
  assert.ok(report !== undefined)
  assert.is(told(), 'False NoConflicts: ')
  const before = world.events.length
  const health = [{ code: 'address-conflict' as const, since: 1, detail: refused }]
  await world.say(nodeId, 'status', encodeStatus({ ...report, health }))
  assert.match(told() ?? '', /^True LocalNetworks: not followed by alpha, .* nat: netmap$/)
  assert.equal(
    world.events.slice(before).map(({ type }) => type),
    ['node'],
  )
  await world.say(nodeId, 'status', encodeStatus(report))
  assert.is(told(), 'False NoConflicts: ')
})

test.run()
