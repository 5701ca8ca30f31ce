// The fake store does what the real one does.

import { test } from 'uvu'
import { defineConformance } from './conformance.fake.ts'
import { MemoryHubStore } from './memory.fake.ts'

defineConformance(test, () => new MemoryHubStore())

test.run()
