// Exit: nodes whose traffic to the internet leaves by other nodes.

import * as v from 'valibot'
import { exitResolversMax } from '../exit-limits.ts'
import { address, integer, selector } from './field.ts'
import { networkRef } from './network.ts'
import { about } from './rule.ts'

export const exitSpec = v.strictObject({
  network: networkRef,
  nodes: about(selector, 'The nodes that go out by it; those that any exit leads through never do.'),
  via: about(selector, 'The nodes that lead out; several make the exit highly available.'),
  whenLost: about(
    v.optional(v.picklist(['Closed', 'Open']), 'Closed'),
    'While none of them answers: Closed, nothing goes to the internet; Open, it goes by the own uplink.',
  ),
  resolvers: about(
    v.pipe(v.array(address), v.minLength(1), v.maxLength(exitResolversMax)),
    'Name servers on the internet that are asked through the exit, in place of those of the own LAN.',
  ),
  metric: about(v.optional(integer(0, 65_535), 100), 'Of several exits of one node the lowest is preferred.'),
})
