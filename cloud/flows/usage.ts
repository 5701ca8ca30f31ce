// How much of the store of flows each device takes, so that the one with the most gives way.

import type { FlowFigures } from './flow-store.ts'

interface Used extends FlowFigures {
  readonly node: string
}

/** Bytes and batches of each device, and of all. */
export function createUsage(rows: readonly Used[]) {
  const of = new Map(rows.map(({ batches, bytes, node }) => [node, { batches, bytes }]))
  const touched = new Set<string>()
  let batches = rows.reduce((sum, one) => sum + one.batches, 0)
  let bytes = rows.reduce((sum, one) => sum + one.bytes, 0)
  return {
    add(node: string, more: number, by: 1 | -1): void {
      const held = of.get(node) ?? { batches: 0, bytes: 0 }
      of.set(node, { batches: held.batches + by, bytes: held.bytes + by * more })
      touched.add(node)
      batches += by
      bytes += by * more
    },
    /** What has changed since it was asked last. */
    changed(): readonly (readonly [string, FlowFigures])[] {
      const nodes = [...touched]
      touched.clear()
      return nodes.map((node) => [node, of.get(node) ?? { batches: 0, bytes: 0 }])
    },
    figures: () => ({ batches, bytes }),
    largest(): string {
      let [most, largest] = [-1, '']
      for (const [node, { bytes: own }] of of) if (own > most) [most, largest] = [own, node]
      return largest
    },
  }
}
