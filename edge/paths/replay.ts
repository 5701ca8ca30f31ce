// Which counters of a session were seen: the sliding window of RFC 6479's idea in one 64-bit word, for frames that come a few
// at a time and hardly out of order.

const WINDOW = 64n
const MASK = (1n << WINDOW) - 1n

export interface ReplayWindow {
  /** True once for each counter that is new and not too old. */
  admit(counter: bigint): boolean
}

export function createReplayWindow(): ReplayWindow {
  let newest = -1n
  /** Bit n stands for `newest - n`. */
  let seen = 0n

  return {
    admit(counter) {
      if (counter > newest) {
        const ahead = counter - newest
        seen = ahead >= WINDOW ? 1n : ((seen << ahead) | 1n) & MASK
        newest = counter
        return true
      }
      const behind = newest - counter
      if (behind >= WINDOW || ((seen >> behind) & 1n) === 1n) return false
      seen |= 1n << behind
      return true
    },
  }
}
