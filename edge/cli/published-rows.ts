// Where this device takes connections for services from outside the mesh, and from whom, in `holdfast status`.

import { matchText } from '../../shared/intent/http-match.ts'
import type { AgentStatus } from '../agent.ts'

export const PUBLISHED = ['PUBLISHED', 'AT', 'INTERFACE', 'NAMES', 'FOR']

type Published = NonNullable<NonNullable<AgentStatus['services']>[number]['published']>[number]

/** Names, and what else is asked where it is said: whole paths with a sign of equality. */
function asked({ answer, hostnames = ['-'], paths = [], redirect, weight }: Published): string {
  const told = answer === undefined ? [] : [`answers ${answer}`]
  const sent = redirect === undefined ? [] : [`redirects ${redirect.status}`]
  const share = weight === undefined ? [] : [`weight ${weight}`]
  return [...hostnames, ...paths.map(matchText), ...told, ...sent, ...share].join(' ')
}

export function publishedRows({ services = [] }: Pick<AgentStatus, 'services'>): readonly (readonly string[])[] {
  return services.flatMap(({ name, published = [] }) =>
    published.map((one) => [name, `${one.protocol} ${one.at}`, one.interface, asked(one), one.from.join(' ')]),
  )
}
