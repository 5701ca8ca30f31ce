// WireGuard is turned one call at a time, with the last word for each peer; a packet follows each turn that it is wanted for.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { memoryLog, settle } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { fakeWgKey } from '../../shared/record/parsed.fake.ts'
import type { WireguardDoor } from './doors.ts'
import { createPointer } from './pointer.ts'

const [ONE, TWO] = [fakeWgKey(1), fakeWgKey(2)]
const A = '192.0.2.1:1' as Endpoint
const B = '192.0.2.2:2' as Endpoint
const C = '192.0.2.3:3' as Endpoint
const MESH = '10.77.0.2' as Address

/** Each call of the kernel ends when it is told to. */
function rig(fails: { readonly cover?: true; readonly point?: true } = {}) {
  const events: string[] = []
  const open: (() => void)[] = []
  const broken = { ...fails }
  const wireguard: Pick<WireguardDoor, 'cover' | 'point'> = {
    cover: async (leaves, endpoint) => {
      events.push(`cover ${leaves} by ${endpoint}`)
      if (broken.cover === true) throw new HoldfastError('failed', 'no nft')
    },
    point: async (endpoints) => {
      events.push(`point ${[...endpoints].map(([key, at]) => `${key === ONE ? 'one' : 'two'} at ${at}`).join(', ')}`)
      const done = Promise.withResolvers<void>()
      open.push(done.resolve)
      await done.promise
      if (broken.point === true) throw new HoldfastError('failed', 'no interface')
    },
  }
  const pointer = createPointer(wireguard, (address) => void events.push(`packet to ${address}`), memoryLog())
  const finish = async (): Promise<void> => {
    await settle()
    open.shift()?.()
    await settle()
  }
  return { broken, events, finish, pointer }
}

test('covered, then turned, then followed by a packet', async () => {
  const { events, finish, pointer } = rig()
  pointer.point({ wgKey: ONE, endpoint: B, leaves: A, nudge: MESH })
  await settle()
  assert.equal(events, [`cover ${A} by ${B}`, `point one at ${B}`], 'no packet before WireGuard has turned')
  await finish()
  assert.equal(events.slice(2), [`packet to ${MESH}`])
})

test('a turn that nobody waits for sends nothing, and one from a dead path covers nothing', async () => {
  const { events, finish, pointer } = rig()
  pointer.point({ wgKey: ONE, endpoint: B })
  await finish()
  assert.equal(events, [`point one at ${B}`])
})

test('what comes meanwhile waits, in one batch, and only the last word for each peer counts', async () => {
  const { events, finish, pointer } = rig()
  pointer.point({ wgKey: ONE, endpoint: A })
  await settle()
  pointer.point({ wgKey: ONE, endpoint: B, nudge: MESH })
  pointer.point({ wgKey: TWO, endpoint: A })
  pointer.point({ wgKey: ONE, endpoint: C })
  await settle()
  assert.is(events.length, 1)
  await finish()
  await finish()
  assert.equal(events, [`point one at ${A}`, `point one at ${C}, two at ${A}`])
})

test('a peer that left meanwhile is not turned', async () => {
  const { events, finish, pointer } = rig()
  pointer.point({ wgKey: ONE, endpoint: A })
  await settle()
  pointer.point({ wgKey: TWO, endpoint: B })
  pointer.forget(TWO)
  await finish()
  assert.equal(events, [`point one at ${A}`])
})

test('without cover the turn happens all the same', async () => {
  const { events, finish, pointer } = rig({ cover: true })
  pointer.point({ wgKey: ONE, endpoint: B, leaves: A, nudge: MESH })
  await finish()
  assert.equal(events.slice(1), [`point one at ${B}`, `packet to ${MESH}`])
})

test('a turn that WireGuard refused sends no packet, and does not stand in the way of the next', async () => {
  const { broken, events, finish, pointer } = rig({ point: true })
  pointer.point({ wgKey: ONE, endpoint: B, nudge: MESH })
  await finish()
  assert.equal(events, [`point one at ${B}`])
  delete broken.point
  pointer.point({ wgKey: ONE, endpoint: C, nudge: MESH })
  await finish()
  assert.equal(events.slice(1), [`point one at ${C}`, `packet to ${MESH}`])
})

test.run()
