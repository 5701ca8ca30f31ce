// Canary: while it is there, newer intent is followed by some nodes first; the others hold it, and wait.

import * as v from 'valibot'
import { integer, selector } from './field.ts'
import { networkRef } from './network.ts'

export const canarySpec = v.pipe(
  v.strictObject({
    network: networkRef,
    /** Share of the nodes that go first, of those that `nodes` selects; at least one does. */
    percent: v.optional(integer(1, 99)),
    /** Nodes that go first; all of them, or a share. */
    nodes: v.optional(selector),
    /** Seconds that the newest revision must have proven itself on them before all others follow; absent: people decide. */
    finishAfterS: v.optional(integer(30, 30 * 86_400)),
  }),
  v.check((s) => s.percent !== undefined || s.nodes !== undefined, 'names nobody: give percent, nodes, or both'),
)
