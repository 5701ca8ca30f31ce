// `holdfast mirror …` as a person types it, well and badly.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { mirrorSelectedMax } from '../../shared/limits.ts'
import { fakeAgent } from '../agent.fake.ts'
import type { MirrorOrder, MirrorView } from '../mirror/order.ts'
import type { AgentMirror } from '../mirror/people.ts'
import { withCli } from './cli-rig.fake.ts'

const GOOD = ['ids0', '--peer', 'plc-7', '--service', '502', '--expires', '1h', '--reason', 'ticket 4711'] as const

/** An agent that takes every order, and those it was given. */
function obedient() {
  const orders: MirrorOrder[] = []
  let view: MirrorView | undefined
  const mirror: AgentMirror = {
    view: () => view,
    async start({ durationMs, ...order }) {
      orders.push({ durationMs, ...order })
      const madeAt = systemClock.now()
      view = { ...order, madeAt, expiresAt: madeAt + durationMs, packets: { copied: 12, spared: 3 } }
      return { mirror: view, warnings: ['a warning'] }
    },
    async stop() {
      if (view === undefined) throw new HoldfastError('not-found', 'no mirror is in force')
      const was = view
      view = undefined
      return { mirror: was, warnings: [] }
    },
  }
  return { orders, agent: fakeAgent({ status: () => ({}) as never, mirror }) }
}

test('started, seen and ended', async () => {
  const { agent, orders } = obedient()
  await withCli(
    agent,
    async (call) => {
      const started = await call('mirror', 'start', ...GOOD, '--cidr', '10.9.0.0/16', '--service', '53/udp')
      assert.is(started.code, 0)
      assert.match(
        started.out,
        /^MIRROR {4}plc-7, 10\.9\.0\.0\/16: 502, 53\/udp to ids0 until .* left\) by .*: ticket 4711\n/,
      )
      assert.match(started.notes, /mind: a warning/)
      assert.match(
        (await call('mirror', 'status')).out,
        /at most 10000 packets a second; copied: 12, 3 beyond the rate left out/,
      )
      assert.is(JSON.parse((await call('mirror', 'status', '--json')).out).mirror.to, 'ids0')
      assert.is((await call('mirror', 'stop')).out, 'nothing is copied to ids0 any more\n')
      assert.is((await call('mirror', 'status')).out, 'nothing is copied\n')
      assert.is((await call('mirror', 'stop')).code, 1)
    },
    { SUDO_USER: 'anna' },
  )
  const { by, durationMs, services } = orders[0] ?? {}
  assert.is(by?.login, 'anna')
  assert.is(durationMs, 3_600_000)
  assert.equal(services, ['502', '53/udp'])
})

test('what makes no sense never reaches the agent', async () => {
  const { agent, orders } = obedient()
  const [, ...rest] = GOOD
  const many = Array.from({ length: mirrorSelectedMax + 1 }, (_, at) => ['--peer', `n-${at}`]).flat()
  await withCli(agent, async (call) => {
    for (const [words, why] of [
      [rest, /INTERFACE/],
      [['a/b', ...rest], /is not the name of an interface/],
      [['ids0"; flush ruleset; "', ...rest], /is not the name of an interface/],
      [['a-name-that-is-too-long', ...rest], /is not the name of an interface/],
      [['ids0', '--reason', 'x'], /needs --expires/],
      [['ids0', '--expires', '1h'], /needs --reason/],
      [['ids0', '--expires', '8d', '--reason', 'x'], /not a time that it may last/],
      [['ids0', '--expires', 'soon', '--reason', 'x'], /not a time that it may last/],
      [[...GOOD, '--packets-per-s', '0'], /not a number from 1 to 200000/],
      [[...GOOD, '--packets-per-s', '1e9'], /not a number from 1 to 200000/],
      [[...GOOD, '--service', 'http'], /neither a port nor icmp/],
      [[...GOOD, '--service', '70000'], /neither a port nor icmp/],
      [[...GOOD, '--cidr', '10.0.0.0/33'], /cidrs/],
      [[...GOOD, '--peer', 'Not A Name'], /peers/],
      [[...GOOD, ...many], /peers/],
    ] as const) {
      const { code, notes } = await call('mirror', 'start', ...words)
      assert.is.not(code, 0, words.join(' '))
      assert.match(notes, why)
    }
  })
  assert.equal(orders, [])
})

test('without an agent the status says so by what it left, and orders are refused', async () => {
  await withCli(undefined, async (call) => {
    assert.is((await call('mirror', 'status')).out, 'nothing is copied\n')
    const { code, notes } = await call('mirror', 'start', ...GOOD)
    assert.is.not(code, 0)
    assert.match(notes, /the agent is not running/)
  })
})

test.run()
