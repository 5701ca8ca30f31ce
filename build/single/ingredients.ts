// What programs of a release are made of and is not of this checkout: Node itself, and wireguard-go with the Go that compiles it.

import { baseOf } from './base.ts'
import type { ReleaseTarget } from './targets.ts'
import { wireguardGo } from './wireguard-go.ts'

/** Fetches and compiles it into the cache, side by side: one waits for the network while the other has the processors. */
export async function prepareIngredients(targets: readonly ReleaseTarget[]): Promise<void> {
  await Promise.all(targets.flatMap((target) => [baseOf(target), wireguardGo(target)]))
}
