// Service: a name and a stable virtual address in front of several nodes.

import * as v from 'valibot'
import { integer, name, port, selector } from './field.ts'
import { networkRef } from './network.ts'

const servicePort = v.strictObject({
  name: v.optional(name),
  protocol: v.optional(v.picklist(['TCP', 'UDP']), 'TCP'),
  port,
  /** Port on the backend; `port` where absent. */
  targetPort: v.optional(port),
})

export const serviceSpec = v.pipe(
  v.strictObject({
    network: networkRef,
    ports: v.pipe(v.array(servicePort), v.minLength(1), v.maxLength(64)),
    backends: selector,
    probe: v.optional(
      v.strictObject({
        protocol: v.optional(v.picklist(['TCP', 'HTTP']), 'TCP'),
        port,
        path: v.optional(
          v.pipe(v.string(), v.regex(/^\/[\x21-\x7e]{0,255}$/, 'is not a path of printable characters')),
        ),
        intervalS: v.optional(integer(1, 3_600), 10),
        timeoutMs: v.optional(integer(50, 60_000), 2_000),
      }),
    ),
  }),
  v.check(
    (s) => new Set(s.ports.map((p) => `${p.protocol}/${p.port}`)).size === s.ports.length,
    'ports lists the same protocol and port twice',
  ),
)
