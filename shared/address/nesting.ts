// Which of many blocks overlap, in n log n: blocks are powers of two, so two that overlap are one inside the other.

import { blockOf, type Cidr } from './cidr.ts'
import { bitsOf } from './ip.ts'

interface Span {
  readonly index: number
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
}

function spanOf(cidr: Cidr, index: number): Span {
  const { family, value, length } = blockOf(cidr)
  return { index, family, first: value, last: value + (1n << BigInt(bitsOf(family) - length)) - 1n }
}

function compare(a: Span, b: Span): number {
  if (a.family !== b.family) return a.family - b.family
  if (a.first !== b.first) return a.first < b.first ? -1 : 1
  if (a.last !== b.last) return a.last > b.last ? -1 : 1
  return a.index - b.index
}

/**
 * Pairs of positions in `blocks`: each block with the narrowest one that contains it, of equal ones the one before. No
 * pair means that nothing overlaps. The lower position comes first; pairs are sorted.
 */
export function nestedPairs(blocks: readonly Cidr[]): readonly (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = []
  const around: Span[] = []
  for (const span of blocks.map(spanOf).sort(compare)) {
    for (let top = around.at(-1); top !== undefined; top = around.at(-1)) {
      if (top.family === span.family && top.last >= span.first) {
        pairs.push([Math.min(top.index, span.index), Math.max(top.index, span.index)])
        break
      }
      around.pop()
    }
    around.push(span)
  }
  return pairs.sort((a, b) => a[1] - b[1] || a[0] - b[0])
}
