// The way of `join`, `leave` and `doctor` to a hub that is written as an address of IPv4.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, type Cidr, parseCidr } from '../../shared/address/cidr.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import type { UplinkRoute } from '../uplinks/uplink.ts'
import { createHubWay, ownBlocks } from './hub-way.ts'

const SIX: UplinkRoute = { family: 6, interface: 'eth0', metric: 100 }
const FOUR: UplinkRoute = { family: 4, interface: 'eth0', metric: 100 }
const [HUB, THROUGH] = ['203.0.113.7', '2001:db8:64::cb00:7107']

interface Around {
  readonly nat64?: string
  readonly routes?: readonly UplinkRoute[]
  readonly blocks?: readonly Cidr[]
  readonly ask?: () => Promise<readonly Address[]>
}

function rig({ ask, blocks = [], nat64 = 'auto', routes = [SIX] }: Around = {}) {
  const clock = new FakeClock()
  let asked = 0
  const answer = ask ?? (async () => ['2001:db8:64::c000:aa' as Address])
  const find = createHubWay({
    nat64,
    routes: () => routes,
    blocks: () => blocks,
    clock,
    log: memoryLog(),
    async ask() {
      asked += 1
      return await answer()
    },
  })
  return { clock, find, asked: () => asked }
}

test('the first connection goes through the translator already, and it is asked for once', async () => {
  const { asked, find } = rig()
  assert.equal(await find?.(HUB, 8_443), { address: THROUGH })
  assert.equal(await find?.(HUB, 8_443), { address: THROUGH })
  assert.is(asked(), 1)
  assert.is(await find?.('hub.example.org', 8_443), undefined, 'names are for DNS64')
  assert.is(await find?.('2001:db8::7', 8_443), undefined)
})

test('with IPv4, in the hub’s own network, and where people want none, it goes straight', async () => {
  const both = rig({ routes: [FOUR, SIX] })
  assert.is(await both.find?.(HUB, 8_443), undefined)
  assert.is(both.asked(), 0)
  assert.is(await rig({ blocks: [parseCidr('203.0.113.0/24')] }).find?.(HUB, 8_443), undefined)
  assert.is(rig({ nat64: 'off' }).find, undefined)
})

test('a prefix that people gave is asked of nobody; one that nobody tells is asked for again', async () => {
  const told = rig({ nat64: '64:ff9b::/96' })
  assert.equal(await told.find?.(HUB, 8_443), { address: '64:ff9b::cb00:7107' })
  assert.is(told.asked(), 0)
  let fails = true
  const { clock, find } = rig({
    async ask() {
      if (fails) throw new Error('no name server')
      return ['2001:db8:64::c000:aa' as Address]
    },
  })
  assert.is(await find?.(HUB, 8_443), undefined)
  fails = false
  clock.advance(15_000)
  assert.equal(await find?.(HUB, 8_443), { address: THROUGH })
})

test('the networks of this host are blocks', () => {
  for (const block of ownBlocks()) assert.is(parseCidr(block), block)
})

test.run()
