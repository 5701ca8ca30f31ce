// The forwarder of the unit tests does what the real one does.

import { test } from 'uvu'
import { defineForwarderConformance } from './conformance.fake.ts'
import { createFakeForwarder, createFakeForwarderKernel } from './forwarder.fake.ts'

defineForwarderConformance(test, async () => {
  const kernel = createFakeForwarderKernel()
  return { start: () => createFakeForwarder(kernel) }
})

test.run()
