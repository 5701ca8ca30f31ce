// The fake does as the real driver does.

import { test } from 'uvu'
import { defineSteeringConformance } from './conformance.fake.ts'
import { createFakeSteering } from './steering.fake.ts'

defineSteeringConformance(test, async () => {
  const fake = createFakeSteering()
  return { start: () => fake.driver() }
})

test.run()
