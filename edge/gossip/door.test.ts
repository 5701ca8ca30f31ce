// The door in memory does what every door does.

import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededEntropy } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { doorConformance } from './conformance.fake.ts'
import { createFakeMesh } from './door.fake.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

doorConformance('in memory', async () => {
  const mesh = createFakeMesh(seededEntropy(1))
  return {
    door: (device, { lan }) => mesh.door(device.nodeId, systemClock, () => lan),
    async until(done) {
      for (let i = 0; i < 1_000 && !done(); i++) await sleep(5)
      assert.ok(done(), 'it came in time')
    },
    close: () => Promise.resolve(),
  }
})

test.run()
