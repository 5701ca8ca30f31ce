// Whom this host leads out and how much, as the kernel has counted it since the own table was laid.

import * as v from 'valibot'
import { parseWith } from '../../shared/intent/resource.ts'
import { tableName } from '../plan/nft.ts'
import { familiesLed, ledNames } from '../plan/nft-led.ts'
import type { Run } from './command.ts'
import type { LedOut } from './driver.ts'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const document = v.object({
  nftables: v.array(
    v.object({
      set: v.optional(v.object({ name: v.string(), elem: v.optional(v.array(v.unknown()), []) })),
      counter: v.optional(v.object({ name: v.string(), packets: count, bytes: count })),
    }),
  ),
})

/** What `nft -j list` says of sets and counters; a family without its counters is left out. */
export function parseLed(texts: readonly string[], families: readonly (4 | 6)[]): readonly LedOut[] {
  const rows = texts.flatMap((text) => parseWith(document, JSON.parse(text)).nftables)
  const counterOf = (name: string) => rows.find(({ counter }) => counter?.name === name)?.counter
  return families.flatMap((family) => {
    const [out, back] = [counterOf(ledNames.out(family)), counterOf(ledNames.back(family))]
    if (out === undefined || back === undefined) return []
    const nodes = rows.find(({ set }) => set?.name === ledNames.nodes(family))?.set?.elem.length ?? 0
    return [
      {
        family,
        nodes,
        out: { packets: out.packets, bytes: out.bytes },
        back: { packets: back.packets, bytes: back.bytes },
      },
    ]
  })
}

export interface Led {
  /** The own table is this one now. */
  laid(ruleset: string): void
  read(): Promise<readonly LedOut[]>
}

export function openLed(run: Run): Led {
  let families: readonly (4 | 6)[] = []
  return {
    laid(ruleset) {
      families = familiesLed(ruleset)
    },
    async read() {
      if (families.length === 0) return []
      // One by one: nft 1.0.6 complains about sets it has not loaded where a word asks for several.
      const asked = [
        ['counters', 'table', 'inet', tableName],
        ...families.map((family) => ['set', 'inet', tableName, ledNames.nodes(family)]),
      ]
      return parseLed(await Promise.all(asked.map((words) => run('nft', ['-j', 'list', ...words]))), families)
    },
  }
}
