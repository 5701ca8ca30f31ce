// Where a Service is found besides its virtual address: at nodes that take connections for it from outside the mesh.

import * as v from 'valibot'
import { parseCidr } from '../address/cidr.ts'
import { cidr, port, selector, text } from './field.ts'
import { about, rule } from './rule.ts'

/** Whoever is on the link of the very address that is asked. */
export const LAN = 'LAN'

const source = text((said) => (said === LAN ? LAN : parseCidr(said)), 'source')

/** As people name interfaces; the kernel has room for 15 bytes (IFNAMSIZ). */
const interfaceName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/, 'is not the name of an interface'),
)

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const hostname = v.pipe(
  v.string(),
  v.maxLength(253),
  v.regex(
    new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`),
    'is not a host name in small letters; `*.` may stand for its first label',
  ),
)

const place = v.strictObject({
  gateways: about(selector, 'The nodes that take connections for it.'),
  protocol: about(
    v.optional(v.picklist(['TCP', 'UDP', 'TLS']), 'TCP'),
    'TLS: TCP that is led by the name the client asks for, and passed on as it is.',
  ),
  hostnames: about(
    v.optional(v.pipe(v.array(hostname), v.minLength(1), v.maxLength(16))),
    'For TLS: the names that lead here; `*.example.com` is every name with one label more.',
  ),
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
const publication = v.pipe(
  place,
  rule(
    ({ hostnames, protocol }) => (protocol === 'TLS') === (hostnames !== undefined),
    'hostnames goes with protocol TLS, and TLS needs it',
    "(self.protocol == 'TLS') == has(self.hostnames)",
  ),
)
export type Publication = v.InferOutput<typeof publication>

export const publications = v.optional(v.pipe(v.array(publication), v.minLength(1), v.maxLength(16)))
