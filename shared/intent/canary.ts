// Canary: while it is there, newer intent is followed by some nodes first; the others hold it, and wait.

import * as v from 'valibot'
import { integer, selector } from './field.ts'
import { networkRef } from './network.ts'
import { about, rule } from './rule.ts'

export const canarySpec = v.pipe(
  v.strictObject({
    network: networkRef,
    percent: about(
      v.optional(integer(1, 99)),
      'Share of the nodes that go first, of those that `nodes` selects; at least one does.',
    ),
    nodes: about(v.optional(selector), 'Nodes that go first; all of them, or a share.'),
    finishAfterS: about(
      v.optional(integer(30, 30 * 86_400)),
      'Seconds that the newest revision must have proven itself on them before all others follow; absent: people decide.',
    ),
  }),
  rule(
    (s) => s.percent !== undefined || s.nodes !== undefined,
    'names nobody: give percent, nodes, or both',
    'has(self.percent) || has(self.nodes)',
  ),
)
