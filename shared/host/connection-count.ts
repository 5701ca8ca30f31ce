// How many connections there are, in all and of each source, against their bounds.

export interface ConnectionCount {
  /** Counts one more of the source; undefined where a bound is reached. Call what is returned, once, when it is over. */
  enter(source: string): (() => void) | undefined
  readonly size: number
}

export function createConnectionCount(max: number, perSourceMax: number): ConnectionCount {
  const bySource = new Map<string, number>()
  let size = 0
  return {
    enter(source) {
      const own = bySource.get(source) ?? 0
      if (size >= max || own >= perSourceMax) return undefined
      size += 1
      bySource.set(source, own + 1)
      let entered = true
      return () => {
        if (!entered) return
        entered = false
        size -= 1
        const left = (bySource.get(source) ?? 1) - 1
        if (left > 0) bySource.set(source, left)
        else bySource.delete(source)
      }
    },
    get size() {
      return size
    },
  }
}
