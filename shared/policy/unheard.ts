// Parts of a policy about a node that mean nobody and nothing there: they are told, because who wrote them meant something.

import type { PolicySpec } from '../intent/policy.ts'
import type { BodyOf } from '../record/record.ts'
import { selectsNode, speaksOf } from './subject.ts'

/** With their places: `ingress[0]: a named port`. */
export function unheardIn(spec: PolicySpec, self: BodyOf<'node'>): readonly string[] {
  if (spec.mode !== 'Enforce' || !selectsNode(spec.subject, self)) return []
  return (['ingress', 'egress'] as const)
    .filter((direction) => speaksOf(spec, direction))
    .flatMap((direction) =>
      (spec[direction] ?? []).flatMap((rule, index) => {
        const peers = 'from' in rule ? rule.from : rule.to
        const hasPods = peers.some((peer) => peer.podSelector !== undefined || peer.namespaceSelector !== undefined)
        const hasName = rule.ports.some(({ port }) => typeof port === 'string')
        return [
          ...(hasPods ? [`${direction}[${index}]: a peer that selects pods`] : []),
          ...(hasName ? [`${direction}[${index}]: a named port`] : []),
        ]
      }),
    )
}
