// What the agent tells its child to lead: a line of JSON, all of it each time.

import * as v from 'valibot'
import { address, cidr, integer, port } from '../../shared/intent/field.ts'
import { headerChanges } from '../../shared/intent/http-header.ts'
import { httpMatch } from '../../shared/intent/http-match.ts'
import { httpRedirect } from '../../shared/intent/http-redirect.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import type { GateListener } from './listener.ts'

const place = { address, port }
const route = { from: v.array(cidr), to: v.strictObject(place) }

const listeners = v.array(
  v.variant('protocol', [
    v.strictObject({
      ...place,
      protocol: v.literal('TLS'),
      routes: v.array(v.strictObject({ ...route, hostnames: v.array(v.string()) })),
    }),
    v.strictObject({
      ...place,
      protocol: v.literal('HTTP'),
      routes: v.array(
        v.strictObject({
          ...route,
          hostnames: v.exactOptional(v.array(v.string())),
          paths: v.exactOptional(v.array(httpMatch)),
          answer: v.exactOptional(integer(400, 599)),
          redirect: v.exactOptional(httpRedirect),
          order: v.exactOptional(v.string()),
          weight: v.exactOptional(integer(1, 1_000_000)),
          requestHeaders: v.exactOptional(headerChanges),
          responseHeaders: v.exactOptional(headerChanges),
        }),
      ),
    }),
  ]),
)

/** Throws `invalid` where the line is not what an agent of this build says. */
export function parseListeners(line: string): readonly GateListener[] {
  return parseWith(listeners, JSON.parse(line))
}
