// Network: the address plan and the manners of one mesh.

import * as v from 'valibot'
import { familyOf } from '../address/cidr.ts'
import { cidr, integer, name, selector } from './field.ts'

/** Which relays may carry the traffic of which nodes: data residency. */
const relayRule = v.strictObject({
  /** Nodes the rule speaks of; all if absent. */
  nodes: v.optional(selector),
  /** Relays that may carry their traffic; none if the list is empty. */
  relays: selector,
})

export const networkSpec = v.strictObject({
  cidr: v.pipe(
    cidr,
    v.check((block) => familyOf(block) === 4, 'is not an IPv4 block'),
    v.check((block) => Number(block.split('/')[1]) <= 29, 'is too small: /29 or wider is needed'),
  ),
  /** A unique local block (RFC 4193). */
  cidr6: v.optional(
    v.pipe(
      cidr,
      v.check((block) => /^f[cd]/.test(block), 'is not a unique local IPv6 block (RFC 4193): use one in fc00::/7'),
      v.check((block) => Number(block.split('/')[1]) <= 120, 'is too small: /120 or wider is needed'),
    ),
  ),
  dnsDomain: v.optional(
    v.pipe(v.string(), v.regex(/^(?=.{1,200}$)[a-z0-9-]+(?:\.[a-z0-9-]+)*$/, 'is not a lower-case DNS domain')),
    'mesh.internal',
  ),
  /** 1280 is the least IPv6 allows (RFC 8200 §5); 1420 leaves room for WireGuard over IPv6 in 1500. */
  mtu: v.optional(integer(1_280, 9_000), 1_420),
  defaultPolicy: v.optional(v.picklist(['Allow', 'Deny']), 'Deny'),
  /** Seconds between keepalives to peers that need them; 0 sends none. */
  keepalive: v.optional(integer(0, 600), 25),
  failover: v.optional(v.picklist(['fast', 'normal', 'frugal']), 'normal'),
  relayPolicy: v.optional(v.pipe(v.array(relayRule), v.maxLength(256)), []),
  membershipLock: v.optional(
    v.strictObject({ keys: v.pipe(v.array(v.string()), v.maxLength(32)), threshold: integer(1, 32) }),
  ),
})
export type NetworkSpec = v.InferOutput<typeof networkSpec>

/** The network a resource belongs to where it names none. */
export const networkRef = v.optional(name, 'default')
