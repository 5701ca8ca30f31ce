// Blocks within blocks to a plain list of spans: what the narrowest block around each number says. For kernels that look up
// intervals and refuse those that overlap.

/** `first` and `last` are both included. */
export interface Span<V> {
  readonly first: bigint
  readonly last: bigint
  readonly value: V
}

function order<V>(a: Span<V>, b: Span<V>): number {
  if (a.first !== b.first) return a.first < b.first ? -1 : 1
  return a.last === b.last ? 0 : a.last > b.last ? -1 : 1
}

/** Neighbours of one value are one span. Sorted, apart from each other. */
export function joinSpans<V>(spans: readonly Span<V>[]): readonly Span<V>[] {
  const joined: Span<V>[] = []
  for (const span of spans) {
    const before = joined.at(-1)
    if (before !== undefined && before.value === span.value && before.last + 1n === span.first) {
      joined[joined.length - 1] = { ...before, last: span.last }
    } else joined.push(span)
  }
  return joined
}

/** Of blocks of which each two lie apart or one inside the other, as prefixes do. */
export function spansOf<V>(blocks: readonly Span<V>[]): readonly Span<V>[] {
  const spans: Span<V>[] = []
  const around: Span<V>[] = []
  let at = 0n
  const fill = (last: bigint, value: V): void => {
    if (at <= last) spans.push({ first: at, last, value })
    at = last + 1n
  }
  const leave = (next: bigint | undefined): void => {
    while (true) {
      const top = around.at(-1)
      if (top === undefined || (next !== undefined && top.last >= next)) return
      fill(top.last, top.value)
      around.pop()
    }
  }
  for (const block of blocks.toSorted(order)) {
    leave(block.first)
    const outer = around.at(-1)
    if (outer !== undefined && block.first > at) fill(block.first - 1n, outer.value)
    at = block.first
    around.push(block)
  }
  leave(undefined)
  return joinSpans(spans)
}
