// An answer is shared for a moment, and never with who was told of something since.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../../shared/effects.fake.ts'
import { createWorld, device, resource } from '../hub-world.fake.ts'
import { createSharedAnswer } from './shared-answer.ts'

test('asked again within a second it is made once; after it, anew', () => {
  const clock = new FakeClock()
  const answer = createSharedAnswer({ watch: () => () => undefined }, clock)
  let made = 0
  const ask = () => answer.of(() => String(++made))
  assert.equal([ask(), ask()], ['1', '1'])
  clock.advance(999)
  assert.is(ask(), '1')
  clock.advance(1)
  assert.equal([ask(), ask()], ['2', '2'])
})

test('an event of the hub ends it at once: whoever was told asks, and sees', async () => {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  const answer = createSharedAnswer(world.hub, world.clock)
  const ask = () => answer.of(() => JSON.stringify(world.hub.fleet().map(({ name, state }) => [name, state])))
  const seen: string[] = []
  world.hub.watch(() => void seen.push(ask()))
  const before = ask()
  await world.presence(device(1).nodeId, true)
  assert.is.not(seen.at(-1), before)
  assert.match(seen.at(-1) ?? '', /online/)
  world.hub.put(resource('Node', 'alpha', { disabled: true }), { name: 'test', role: 'admin' })
  assert.match(seen.at(-1) ?? '', /disabled/)
})

test.run()
