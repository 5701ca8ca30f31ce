// Where requests of HTTP are sent on to, instead of being led to a service: as the Gateway API has it.

import * as v from 'valibot'
import { integer, port } from './field.ts'
import { hostName } from './http-host.ts'
import { requestPath } from './http-match.ts'
import { about, rule } from './rule.ts'

const status = v.pipe(
  integer(301, 308),
  rule(
    (value) => value < 304 || value > 306,
    'sends nobody elsewhere: 301, 302, 303, 307 and 308 do',
    'self < 304 || self > 306',
  ),
)

export const httpRedirect = v.pipe(
  v.strictObject({
    status: about(v.optional(status, 302), '301 and 308 are remembered by clients; 307 and 308 keep the method.'),
    scheme: about(v.optional(v.picklist(['http', 'https'])), 'As it was asked, `http`, where absent.'),
    hostname: about(v.optional(hostName), 'As it was asked where absent.'),
    port: about(v.optional(port), 'Where absent: that of `scheme`, and without one the port that was asked.'),
    path: about(v.optional(requestPath), 'Instead of the whole path; the query stays. As it was asked where absent.'),
  }),
  rule(
    ({ hostname, path, port: at, scheme }) => (hostname ?? path ?? at ?? scheme) !== undefined,
    'names nothing else than what was asked, which would be asked for ever',
    'has(self.scheme) || has(self.hostname) || has(self.port) || has(self.path)',
  ),
)
export type HttpRedirect = v.InferOutput<typeof httpRedirect>
