// Two echo services on two loopback addresses and one port, as two nodes have it on their mesh addresses.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { createEcho } from './echo.ts'
import { encodeEcho, parseEcho } from './frame.ts'
import { createRate } from './rate.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

function echoAt(port: number, addresses: readonly string[], members: readonly string[]) {
  const isMember = (address: string): boolean => members.includes(address)
  const echo = createEcho({
    port,
    addresses: () => addresses,
    isMember,
    clock: systemClock,
    entropy: systemEntropy,
    log: memoryLog(),
  })
  echo.start()
  return echo
}

test('measures a member; a stranger gets no answer', async () => {
  const port = await ownPort()
  const [a, b] = ['127.0.0.11', '127.0.0.12'] as const
  const near = echoAt(port, [a], [b])
  const far = echoAt(port, [b], [a])
  const rttMs = await near.probe(b, 2_000)
  assert.ok(rttMs !== undefined && rttMs >= 0 && rttMs < 2_000)
  const stranger = echoAt(port, ['127.0.0.13'], [b])
  assert.is(await stranger.probe(b, 50), undefined)
  assert.is(await near.probe('127.0.0.14', 50), undefined)
  const homeless = echoAt(port, [], [b])
  const error = await homeless.probe(b, 50).catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error, 'unreachable'))
  for (const echo of [near, far, stranger, homeless]) await echo.close()
})

test('frames survive the way there and back, and nothing else is a frame', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.constantFrom('request' as const, 'response' as const),
      (nonce, type) => {
        assert.equal(parseEcho(encodeEcho({ type, nonce })), { type, nonce })
      },
    ),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
      assert.is(parseEcho(noise), undefined)
    }),
  )
})

test('a source that asks too much is left waiting, others are not', () => {
  const clock = new FakeClock()
  const within = createRate(clock, { perSecond: 2, burst: 3, sourcesMax: 10 })
  assert.equal(
    [1, 2, 3, 4].map(() => within('a')),
    [true, true, true, false],
  )
  assert.ok(within('b'))
  clock.advance(1_000)
  assert.equal(
    [1, 2, 3].map(() => within('a')),
    [true, true, false],
  )
})

test.run()
