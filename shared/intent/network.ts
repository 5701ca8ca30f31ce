// Network: the address plan and the manners of one mesh.

import * as v from 'valibot'
import { familyOf } from '../address/cidr.ts'
import { addressPoolsMax, dnsZonesMax } from '../name-limits.ts'
import { address, cidr, integer, name, port, selector } from './field.ts'
import { renumberPlan } from './renumber.ts'
import { about, rule } from './rule.ts'

/** Which relays may carry the traffic of which nodes: data residency. */
const relayRule = v.strictObject({
  nodes: about(v.optional(selector), 'Nodes that the rule speaks of; all if absent.'),
  relays: about(selector, 'Relays that may carry their traffic.'),
})

const domain = v.pipe(
  v.string(),
  v.maxLength(200, 'is longer than 200 characters'),
  v.regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/, 'is not a lower-case DNS domain'),
)

/** Who is asked for names under it. */
const dnsZone = v.strictObject({
  zone: about(domain, 'Domain, `7.201.10.in-addr.arpa` for addresses.'),
  servers: about(
    v.pipe(v.array(address), v.minLength(1), v.maxLength(4)),
    'Addresses of its name servers, as the mesh has them.',
  ),
  port: about(v.optional(port), 'UDP and TCP port of those; 53 where absent.'),
})

/** Addresses for nodes of a kind, such as those of a site. */
const addressPool = v.strictObject({
  name: about(name, 'What it is called where it runs short.'),
  nodes: about(selector, 'Nodes that get their addresses from it; of several pools the first.'),
  cidr: about(cidr, 'Block of it, inside one of the network.'),
  cidr6: about(v.optional(cidr), 'Its other block; where absent, any of the network.'),
})

export const networkSpec = v.strictObject({
  cidr: about(
    v.pipe(
      cidr,
      rule((block) => familyOf(block) === 4, 'is not an IPv4 block', 'cidr(self).ip().family() == 4'),
      rule(
        (block) => Number(block.split('/')[1]) <= 29,
        'is too small: /29 or wider is needed',
        'cidr(self).prefixLength() <= 29',
      ),
    ),
    'IPv4 block of which every node has an address. No site may use it itself.',
  ),
  cidr6: about(
    v.optional(
      v.pipe(
        cidr,
        rule(
          (block) => /^f[cd]/.test(block),
          'is not a unique local IPv6 block (RFC 4193): use one in fc00::/7',
          "cidr('fc00::/7').containsCIDR(self)",
        ),
        rule(
          (block) => Number(block.split('/')[1]) <= 120,
          'is too small: /120 or wider is needed',
          'cidr(self).prefixLength() <= 120',
        ),
      ),
    ),
    'Unique local IPv6 block (RFC 4193) of which every node has an address; none where absent.',
  ),
  renumber: about(v.optional(renumberPlan), 'On its way to other blocks; set and changed by `holdfast-hub renumber`.'),
  pools: about(
    v.optional(v.pipe(v.array(addressPool), v.maxLength(addressPoolsMax))),
    'Where nodes of a kind get their addresses from; all others, and services, get theirs from the rest. Agents are not told.',
  ),
  dnsDomain: about(v.optional(domain, 'mesh.internal'), 'Domain of the names of nodes and services.'),
  dnsZones: about(
    v.optional(v.pipe(v.array(dnsZone), v.maxLength(dnsZonesMax))),
    'Zones of other name servers, at sites mostly: agents ask those for them, and keep what they said for when they are cut off.',
  ),
  // 1280 is the least IPv6 allows (RFC 8200 §5); 1420 leaves room for WireGuard over IPv6 in 1500.
  mtu: about(v.optional(integer(1_280, 9_000), 1_420), 'Largest packet of the mesh interface, in bytes.'),
  defaultPolicy: about(
    v.optional(v.picklist(['Allow', 'Deny']), 'Deny'),
    'What becomes of traffic that no policy speaks of.',
  ),
  keepalive: about(
    v.optional(integer(0, 600), 25),
    'Seconds between keepalives to peers that need them; 0 sends none.',
  ),
  failover: about(
    v.optional(v.picklist(['fast', 'normal', 'frugal']), 'normal'),
    'How soon a dead path is noticed: within 0.4, 1.8 or 7 seconds.',
  ),
  relayPolicy: about(
    v.optional(v.pipe(v.array(relayRule), v.maxLength(256)), []),
    'Which relays may carry the traffic of which nodes; any of any where empty.',
  ),
  membershipLock: about(
    v.optional(
      v.strictObject({
        keys: about(v.pipe(v.array(v.string()), v.maxLength(32)), 'Public keys of those who may sign.'),
        threshold: about(integer(1, 32), 'How many of them must sign.'),
      }),
    ),
    'Keys of people of whom so many must sign each member. Set and changed by `holdfast-hub lock`.',
  ),
})
export type NetworkSpec = v.InferOutput<typeof networkSpec>

/** The network a resource belongs to where it names none. */
export const networkRef = about(v.optional(name, 'default'), 'The network it belongs to.')
