// A hub at its first revision and a device that holds it, for tests of the gate.

import { FakeHub, testDevice } from '../link/hub.fake.ts'
import { acceptSnapshot, type Held } from './accept.ts'

export const a = testDevice('a', 1)
const b = testDevice('b', 2)
export const c = testDevice('c', 3)

/** How it was refused. */
export function codeOf(run: () => unknown): string {
  try {
    run()
    return 'accepted'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** A hub at revision 1 with two nodes, and a device that holds it. */
export function begin(): { hub: FakeHub; held: Held } {
  const hub = new FakeHub().putNode(a).putNode(b)
  hub.commit()
  return { hub, held: acceptSnapshot(hub.anchors, undefined, hub.snapshot()).next }
}
