// What a relay remembers of binds for as long as they could come again: counters that were used, and answers given.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { toHex } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import { cookieLifeMs } from './cookie.ts'

export interface BindMemory {
  /** True if the node used this counter or a higher one while a cookie it came with may still hold. */
  isReplay(node: NodeId, counter: number): boolean
  /** Runs `make` unless the very bind was answered lately, then gives that answer; undefined while it is being made. */
  once<T>(nonce: Uint8Array, source: Endpoint, make: () => Promise<Uint8Array | T>): Promise<Uint8Array | T | undefined>
  sweep(): void
}

/** A bind that comes twice because its answer was lost comes within this. */
const REPEAT_MS = 5_000

/** Bounded by the rate of binds, for only binds that were let in leave something here. */
export function createBindMemory(clock: Clock): BindMemory {
  const counters = new Map<NodeId, { readonly counter: number; readonly until: number }>()
  const answers = new Map<string, { readonly bytes: Uint8Array; readonly until: number }>()
  const underWay = new Set<string>()

  return {
    isReplay(node, counter) {
      const now = clock.monotonic()
      const last = counters.get(node)
      if (last !== undefined && last.until > now && counter <= last.counter) return true
      counters.set(node, { counter, until: now + cookieLifeMs })
      return false
    },
    async once(nonce, source, make) {
      const name = `${toHex(nonce)} ${source}`
      const before = answers.get(name)
      if (before !== undefined) return before.bytes
      if (underWay.has(name)) return undefined
      underWay.add(name)
      try {
        const made = await make()
        if (made instanceof Uint8Array) answers.set(name, { bytes: made, until: clock.monotonic() + REPEAT_MS })
        return made
      } finally {
        underWay.delete(name)
      }
    },
    sweep() {
      const now = clock.monotonic()
      for (const [node, { until }] of counters) if (until <= now) counters.delete(node)
      for (const [name, { until }] of answers) if (until <= now) answers.delete(name)
    },
  }
}
