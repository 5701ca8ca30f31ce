// A forwarder made of a map: what the kernel holds outlives the process that put it there.

import { HoldfastError } from '../../shared/errors.ts'
import type { Carried, Forward, Forwarder } from './forwarder.ts'

export interface FakeForwarderKernel {
  readonly held: Map<number, Forward>
  /** Every change from now on fails. */
  broken: boolean
  /** Changes come into force when this is over. */
  busy: Promise<void> | undefined
}

export function createFakeForwarderKernel(): FakeForwarderKernel {
  return { held: new Map(), broken: false, busy: undefined }
}

export function createFakeForwarder(kernel: FakeForwarderKernel): Forwarder {
  const none: Carried = { packets: [0, 0], bytes: [0, 0] }
  const check = (): void => {
    if (kernel.broken) throw new HoldfastError('failed', 'the kernel refuses')
  }
  return {
    families: [4, 6],
    start: async () => [...kernel.held.values()],
    async set(forward) {
      check()
      // As it is now: the caller's session goes on changing.
      const now: Forward = { ...forward, ends: [forward.ends[0], forward.ends[1]] }
      if (kernel.busy !== undefined) await kernel.busy
      kernel.held.set(forward.port, now)
    },
    async remove(port) {
      check()
      kernel.held.delete(port)
    },
    carried: async () => new Map([...kernel.held.keys()].map((port) => [port, none])),
    dropped: async () => 0,
    cleanup: async () => kernel.held.clear(),
  }
}
