// Where a Service is found besides its virtual address: at nodes that take connections for it from outside the mesh.

import * as v from 'valibot'
import { parseCidr } from '../address/cidr.ts'
import { cidr, port, selector, text } from './field.ts'
import { about } from './rule.ts'

/** Whoever is on the link of the very address that is asked. */
export const LAN = 'LAN'

const source = text((said) => (said === LAN ? LAN : parseCidr(said)), 'source')

/** As people name interfaces; the kernel has room for 15 bytes (IFNAMSIZ). */
const interfaceName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/, 'is not the name of an interface'),
)

const publication = v.strictObject({
  gateways: about(selector, 'The nodes that take connections for it.'),
  protocol: about(v.optional(v.picklist(['TCP', 'UDP']), 'TCP'), 'Of the transport.'),
  port: about(port, 'Port at those nodes.'),
  servicePort: about(v.optional(port), 'Port of the service; `port` where absent.'),
  from: about(
    v.pipe(v.array(source), v.minLength(1), v.maxLength(32)),
    'Who may come: blocks of addresses, or `LAN` for whoever is on the link of the address that is asked. Nobody else gets in.',
  ),
  interfaces: about(
    v.optional(v.pipe(v.array(interfaceName), v.minLength(1), v.maxLength(16))),
    'Interfaces of the node that it is published at; all that lead to a network where absent.',
  ),
  addresses: about(
    v.optional(v.pipe(v.array(cidr), v.minLength(1), v.maxLength(16))),
    'Only at own addresses of the node that lie in one of these blocks.',
  ),
})
export type Publication = v.InferOutput<typeof publication>

export const publications = v.optional(v.pipe(v.array(publication), v.minLength(1), v.maxLength(16)))
