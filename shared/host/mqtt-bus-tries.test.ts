// What the bus tells of its tries: when the next one comes, and what stood in the way of the last.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../effects.fake.ts'
import { HoldfastError } from '../errors.ts'
import { systemEntropy } from './clock.ts'
import { createMqttBusFactory } from './mqtt-bus.ts'

test('says when it tries again, and what stood in the way', async () => {
  const clock = new FakeClock()
  const cause = Object.assign(new Error('getaddrinfo EAI_AGAIN hub'), { code: 'EAI_AGAIN' })
  const factory = createMqttBusFactory({
    connect: () => Promise.reject(new HoldfastError('unreachable', 'cannot reach the hub', { cause })),
    clientId: 'probe',
    clock,
    entropy: systemEntropy,
    log: memoryLog(),
    backoff: () => 60_000,
  })
  const bus = factory({ filters: [], will: { topic: 'will', payload: new Uint8Array(0) } })
  assert.is(bus.nextTryInMs(), undefined)
  const down = Promise.withResolvers<unknown>()
  bus.start({
    onUp: () => undefined,
    onDown: (_reason, code, trouble) => down.resolve([code, trouble]),
    onMessage: () => undefined,
  })
  assert.is(bus.nextTryInMs(), undefined)
  assert.equal(await down.promise, ['unreachable', 'name'])
  assert.is(bus.nextTryInMs(), 60_000)
  clock.advance(15_000)
  assert.is(bus.nextTryInMs(), 45_000)
  bus.nudge()
  assert.is(bus.nextTryInMs(), undefined)
  await bus.close()
  assert.is(bus.nextTryInMs(), undefined)
})

test.run()
