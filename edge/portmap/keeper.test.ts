// The keeper in whatever order things happen: one question at a time, never in a hurry, never forgotten.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { createKeeper, type KeeperAction, type KeeperEvent } from './keeper.ts'
import type { Check, Gateway, Lease, Outcome } from './lease.ts'

const gateways: readonly (Gateway | undefined)[] = [
  undefined,
  { interface: 'eth0', address: '192.168.1.1' as Address, local: '192.168.1.5' as Address },
  { interface: 'wlan0', address: '10.0.0.1' as Address, local: '10.0.0.7' as Address },
]

function leaseOf(gateway: Gateway, lifetimeS: number, epochS: number): Lease {
  const ports = { internalPort: 51_820, externalPort: 51_820 }
  const { address, local } = gateway
  return { protocol: 'PCP', gateway: address, local, ...ports, nonce: 'A'.repeat(16), lifetimeS, epochS }
}

const outcome = (gateway: Gateway): fc.Arbitrary<Outcome> =>
  fc.oneof(
    fc
      .record({ lifetimeS: fc.constantFrom(0, 1, 60, 600, 7_200, 2 ** 32 - 1), epochS: fc.nat(100_000) })
      .map(({ epochS, lifetimeS }) => ({ type: 'granted', lease: leaseOf(gateway, lifetimeS, epochS) }) as const),
    fc.record({ type: fc.constant('refused' as const), why: fc.constant('no'), waitS: fc.nat(2 ** 31) }),
    fc.constant({ type: 'silent' } as const),
  )

const check: fc.Arbitrary<Check> = fc.oneof(
  fc.nat(100_000).map((epochS) => ({ type: 'alive', epochS }) as const),
  fc.constantFrom({ type: 'lost' } as const, { type: 'silent' } as const),
)

const outside: fc.Arbitrary<KeeperEvent> = fc.oneof(
  fc.constantFrom(...gateways).map((gateway) => ({ type: 'gateway', gateway }) as const),
  fc.option(fc.nat(100_000), { nil: undefined }).map((epochS) => ({ type: 'announced', epochS }) as const),
  fc.constantFrom('peer', 'address').map((about) => ({ type: 'doubt', about }) as const),
  fc.constant({ type: 'time' } as const),
)

interface Step {
  readonly afterMs: number
  readonly event: KeeperEvent | 'answer'
}

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.nat(2_000), fc.nat(8_000_000)),
    event: fc.oneof({ arbitrary: fc.constant('answer' as const), weight: 2 }, { arbitrary: outside, weight: 3 }),
  }),
  { maxLength: 60 },
)

test('one question at a time, with air between two, and whoever has a router is woken again', () => {
  fc.assert(
    fc.property(
      steps,
      fc.infiniteStream(fc.nat(1_000_000)),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (list, seeds, random) => {
        const keeper = createKeeper({ random: () => random, remembered: undefined })
        let now = 0
        let open: KeeperAction | undefined
        const asked = new Map<string, number>()
        const take = (action: KeeperAction | undefined): void => {
          if (action === undefined) return
          assert.is(open, undefined, 'two questions at once')
          open = action
          if (action.type !== 'ask') return
          // Another network is another matter.
          const key = `${action.gateway.interface} ${moves}`
          assert.ok(now - (asked.get(key) ?? Number.NEGATIVE_INFINITY) >= 5_000, 'asked again in a hurry')
          asked.set(key, now)
        }
        let moves = 0
        for (const { afterMs, event } of list) {
          now += afterMs
          if (event === 'answer') {
            if (open === undefined) continue
            const { gateway, type } = open
            open = undefined
            const seed = seeds.next().value ?? 0
            const told: KeeperEvent =
              type === 'ask'
                ? {
                    type: 'outcome',
                    outcome: fc.sample(outcome(gateway), { seed, numRuns: 1 })[0] ?? { type: 'silent' },
                  }
                : { type: 'checked', check: fc.sample(check, { seed, numRuns: 1 })[0] ?? { type: 'silent' } }
            take(keeper.handle(told, now))
          } else {
            if (event.type === 'gateway') moves += 1
            take(keeper.handle(event, now))
          }
          const state = keeper.state()
          assert.not.ok(Number.isNaN(keeper.dueAt()))
          if (state.type === 'no-gateway') assert.is(keeper.dueAt(), Number.POSITIVE_INFINITY)
          // Whoever waits for nothing is woken some day.
          else if (open === undefined) assert.ok(keeper.dueAt() < now + 8 * 3_600_000, 'forgotten')
          if (state.type === 'held') assert.is(state.lease.gateway, state.gateway.address, 'of another router')
        }
      },
    ),
    { numRuns: 2_000 },
  )
})

test('a refusal drops what is held, at once', () => {
  const keeper = createKeeper({ random: () => 0.5, remembered: undefined })
  const gateway = gateways[1] as Gateway
  assert.is(keeper.handle({ type: 'gateway', gateway }, 0)?.type, 'ask')
  keeper.handle({ type: 'outcome', outcome: { type: 'granted', lease: leaseOf(gateway, 7_200, 0) } }, 10)
  assert.is(keeper.state().type, 'held')
  assert.is(keeper.handle({ type: 'time' }, keeper.dueAt())?.type, 'check')
  const again = keeper.handle({ type: 'checked', check: { type: 'lost' } }, 300_000)
  assert.is(again?.type, 'ask')
  keeper.handle({ type: 'outcome', outcome: { type: 'refused', why: 'it has no room', waitS: 1_800 } }, 300_100)
  const state = keeper.state()
  assert.is(state.type === 'not-offered' && state.why, 'it has no room')
  assert.is(keeper.dueAt(), 300_100 + 1_800_000)
})

test('a router that says nothing to a renewal, and then that it knows of none, is given air', () => {
  const keeper = createKeeper({ random: () => 0.5, remembered: undefined })
  const gateway = gateways[1] as Gateway
  keeper.handle({ type: 'gateway', gateway }, 0)
  keeper.handle({ type: 'outcome', outcome: { type: 'granted', lease: leaseOf(gateway, 7_200, 0) } }, 10)
  const renewAt = 3_600_000
  assert.is(keeper.handle({ type: 'time' }, renewAt)?.type, 'ask')
  assert.is(keeper.handle({ type: 'outcome', outcome: { type: 'silent' } }, renewAt + 2_000)?.type, 'check')
  assert.is(keeper.handle({ type: 'checked', check: { type: 'lost' } }, renewAt + 3_000), undefined)
  assert.is(keeper.dueAt(), renewAt + 5_000)
})

test.run()
