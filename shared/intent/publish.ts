// Where a Service is found besides its virtual address: at nodes that take connections for it from outside the mesh.

import * as v from 'valibot'
import { parseCidr } from '../address/cidr.ts'
import { cidr, integer, port, selector, text } from './field.ts'
import { headerChanges } from './http-header.ts'
import { hostPattern } from './http-host.ts'
import { httpMatch } from './http-match.ts'
import { httpRedirect } from './http-redirect.ts'
import { about, rule } from './rule.ts'

/** Whoever is on the link of the very address that is asked. */
export const LAN = 'LAN'

const source = text((said) => (said === LAN ? LAN : parseCidr(said)), 'source')

/** As people name interfaces; the kernel has room for 15 bytes (IFNAMSIZ). */
const interfaceName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/, 'is not the name of an interface'),
)

const place = v.strictObject({
  gateways: about(selector, 'The nodes that take connections for it.'),
  protocol: about(
    v.optional(v.picklist(['TCP', 'UDP', 'TLS', 'HTTP']), 'TCP'),
    'TLS: TCP that is led by the name the client asks for, and passed on as it is. HTTP: each request is led by its host and path.',
  ),
  hostnames: about(
    v.optional(v.pipe(v.array(hostPattern), v.minLength(1), v.maxLength(16))),
    'For TLS and HTTP: the names that lead here; for HTTP all where absent. `*.example.com` is every name with one label more, for HTTP with one or more.',
  ),
  paths: about(
    v.optional(v.pipe(v.array(httpMatch), v.minLength(1), v.maxLength(16))),
    'For HTTP: the paths that lead here, or some of their requests; all where absent. Of several services the one has a request that names most of its host, then of its path, then its method, then most headers and most of its query.',
  ),
  answer: about(v.optional(integer(400, 599)), 'For HTTP: requests are answered with this status, and lead nowhere.'),
  redirect: about(v.optional(httpRedirect), 'For HTTP: requests are sent on to another URL, and lead nowhere.'),
  order: about(
    v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(512))),
    'For HTTP: of those that name as much of a request the one whose text comes first has it; then the first by name.',
  ),
  weight: about(
    v.optional(integer(1, 1_000_000)),
    'For HTTP: requests are shared with others that name as much of them, have the same `order` and say a weight, each request by chance and by weight.',
  ),
  requestHeaders: about(
    v.optional(headerChanges),
    'For HTTP: headers of requests are changed before the service is asked.',
  ),
  responseHeaders: about(v.optional(headerChanges), 'For HTTP: headers of answers are changed.'),
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
    ({ hostnames, protocol }) => protocol === 'HTTP' || (protocol === 'TLS') === (hostnames !== undefined),
    'hostnames goes with protocol TLS or HTTP, and TLS needs it',
    "self.protocol == 'HTTP' || (self.protocol == 'TLS') == has(self.hostnames)",
  ),
  rule(
    ({ answer, order, paths, protocol, redirect, requestHeaders, responseHeaders, weight }) =>
      protocol === 'HTTP' ||
      (paths ?? answer ?? order ?? redirect ?? weight ?? requestHeaders ?? responseHeaders) === undefined,
    'paths, answer, redirect, order, weight, requestHeaders and responseHeaders go with protocol HTTP',
    "self.protocol == 'HTTP' || !(has(self.paths) || has(self.answer) || has(self.redirect) || has(self.order) || has(self.weight) || has(self.requestHeaders) || has(self.responseHeaders))",
  ),
  rule(
    ({ answer, redirect }) => answer === undefined || redirect === undefined,
    'requests are answered, or sent on, and not both',
    '!has(self.answer) || !has(self.redirect)',
  ),
  rule(
    ({ answer, redirect, requestHeaders, responseHeaders }) =>
      (answer ?? redirect) === undefined || (requestHeaders ?? responseHeaders) === undefined,
    'requestHeaders and responseHeaders change what is said to a service and by it, and an answer or a redirect is neither',
    '!(has(self.answer) || has(self.redirect)) || !(has(self.requestHeaders) || has(self.responseHeaders))',
  ),
)
export type Publication = v.InferOutput<typeof publication>

export const publications = v.optional(v.pipe(v.array(publication), v.minLength(1), v.maxLength(16)))
