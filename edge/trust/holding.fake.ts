// A hub of two nodes and a device that holds its first revision, for tests of what is kept over restarts and bad disks.

import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { FakeHub, testDevice } from '../link/hub.fake.ts'
import { MemoryStore } from '../store/memory.fake.ts'
import { acceptDelta, acceptSnapshot } from './accept.ts'
import { createHolding, type Holding } from './holding.ts'

export const a = testDevice('a', 1)
const b = testDevice('b', 2)
export const c = testDevice('c', 3)

/** The device's own ways to open its store, and to take the newest set. */
export function setUp() {
  const hub = new FakeHub().putNode(a).putNode(b)
  hub.commit()
  const store = new MemoryStore()
  const open = (): Holding => {
    const holding = createHolding(hub.anchors, store, memoryLog())
    assert.is(holding.load(), undefined)
    return holding
  }
  const holding = open()
  holding.take(acceptSnapshot(hub.anchors, undefined, hub.snapshot()))
  /** The newest set of the hub, as a delta. */
  const follow = (to: Holding): unknown => {
    const held = to.held()
    return to.take(
      acceptDelta(hub.anchors, held, hub.delta(held?.version ?? { epoch: 0, revision: 0 }) ?? new Uint8Array()),
    )
  }
  return { hub, store, open, holding, follow }
}
