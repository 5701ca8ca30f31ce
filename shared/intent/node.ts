// Node: what people decide about one device. Its keys are not here: they come from the device.

import * as v from 'valibot'
import { address, cidr, labels, namedEndpoint, port } from './field.ts'
import { networkRef } from './network.ts'
import { about } from './rule.ts'

export const nodeSpec = v.strictObject({
  network: networkRef,
  labels: about(v.optional(labels, {}), 'What policies and routes select the node by.'),
  addresses: about(
    v.optional(v.pipe(v.array(address), v.maxLength(2))),
    'Fixed mesh addresses, one of each family at most; allocated where absent, and never moved afterwards.',
  ),
  publicEndpoint: about(
    v.optional(namedEndpoint),
    'Where the node is reached from outside, as HOST:PORT: a public address or a forwarded UDP port.',
  ),
  relay: about(
    v.optional(
      v.strictObject({
        enabled: about(v.boolean(), 'Whether it relays.'),
        port: about(v.optional(port, 3478), 'UDP port of the relay; the next one is its second.'),
        tlsPort: about(v.optional(port, 443), 'TCP port for nodes that no UDP leaves.'),
      }),
    ),
    'Makes the node carry sealed packets between nodes that can’t reach each other.',
  ),
  advertise: about(
    v.optional(v.pipe(v.array(cidr), v.maxLength(64)), []),
    'Subnets behind the node that it may route; a Route makes use of them.',
  ),
  disabled: about(v.optional(v.boolean(), false), 'Keeps the node on record, and cuts it off.'),
})
