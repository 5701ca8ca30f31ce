// What people are told of a block that this device does not follow: nothing where the router is next door.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import type { Omission } from '../plan/desired.ts'
import { createHealth } from '../report/health.ts'
import { tellOmissions } from './omissions.ts'

const [OTHER, ROUTER] = [parseNodeId('oooooooooooooooo'), parseNodeId('rrrrrrrrrrrrrrrr')]
const conflict: Omission = {
  code: 'address-conflict',
  detail: 'Route/plant is not followed here',
  routers: [OTHER, ROUTER],
}
const nobody: ReadonlyMap<NodeId, unknown> = new Map()
const next = new Map([[ROUTER, {}]])

function world() {
  const clock = new FakeClock()
  const health = createHealth({ clock })
  return { clock, health, codes: () => health.visible().map(({ code }) => code) }
}

test('it is said once a neighbour would have been heard, and at once where nobody listens', () => {
  const { clock, codes, health } = world()
  tellOmissions(health, [conflict], nobody)
  assert.equal(codes(), [])
  clock.advance(60_000)
  assert.equal(codes(), ['address-conflict'])
  const deaf = world()
  tellOmissions(deaf.health, [conflict], undefined)
  assert.equal(deaf.codes(), ['address-conflict'])
})

test('a router that is heard on the LAN leads to that very LAN, and nothing is wrong', () => {
  const { clock, codes, health } = world()
  tellOmissions(health, [conflict], nobody)
  tellOmissions(health, [conflict], next)
  clock.advance(60_000)
  assert.equal(codes(), [])
})

test('the mesh itself over the own network is nobody’s neighbourhood', () => {
  const { codes, health } = world()
  const { routers: _, ...mesh } = conflict
  tellOmissions(health, [mesh, { ...conflict, code: 'address-overlap' }], next)
  assert.equal(codes(), ['address-conflict'])
  tellOmissions(health, [], next)
  assert.equal(codes(), [])
})

test.run()
