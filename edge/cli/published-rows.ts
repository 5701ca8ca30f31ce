// Where this device takes connections for services from outside the mesh, and from whom, in `holdfast status`.

import type { AgentStatus } from '../agent.ts'

export const PUBLISHED = ['PUBLISHED', 'AT', 'INTERFACE', 'NAMES', 'FOR']

export function publishedRows({ services = [] }: Pick<AgentStatus, 'services'>): readonly (readonly string[])[] {
  return services.flatMap(({ name, published = [] }) =>
    published.map(({ at, from, hostnames = ['-'], interface: card, protocol }) => {
      return [name, `${protocol} ${at}`, card, hostnames.join(' '), from.join(' ')]
    }),
  )
}
