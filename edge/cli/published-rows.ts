// Where this device takes connections for services from outside the mesh, and from whom, in `holdfast status`.

import type { AgentStatus } from '../agent.ts'

export const PUBLISHED = ['PUBLISHED', 'AT', 'INTERFACE', 'FOR']

export function publishedRows({ services = [] }: Pick<AgentStatus, 'services'>): readonly (readonly string[])[] {
  return services.flatMap(({ name, published = [] }) =>
    published.map(({ at, from, interface: card, protocol }) => [name, `${protocol} ${at}`, card, from.join(' ')]),
  )
}
