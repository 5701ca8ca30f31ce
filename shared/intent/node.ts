// Node: what people decide about one device. Its keys are not here: they come from the device.

import * as v from 'valibot'
import { address, cidr, labels, namedEndpoint, port } from './field.ts'
import { networkRef } from './network.ts'

export const nodeSpec = v.strictObject({
  network: networkRef,
  labels: v.optional(labels, {}),
  /** Fixed mesh addresses; allocated where absent, and never moved afterwards. */
  addresses: v.optional(v.pipe(v.array(address), v.maxLength(2))),
  /** Where the node is reached from outside: a public address or a forwarded port. */
  publicEndpoint: v.optional(namedEndpoint),
  relay: v.optional(
    v.strictObject({
      enabled: v.boolean(),
      port: v.optional(port, 3478),
      tlsPort: v.optional(port, 443),
    }),
  ),
  /** Subnets behind the node that it may route; a Route makes use of them. */
  advertise: v.optional(v.pipe(v.array(cidr), v.maxLength(64)), []),
  /** Keeps the record of the node but cuts it off. */
  disabled: v.optional(v.boolean(), false),
})
