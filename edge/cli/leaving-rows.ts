// The commands by which a device goes, for a while or for good, as rows of the table.

import { interfaceFlag, json, proxyFlag } from './flags.ts'
import type { CommandRow } from './row.ts'

export const leavingRows: readonly CommandRow[] = [
  {
    spec: {
      name: 'drain',
      summary: 'Give this device no new flows of services and routes; those it has go on',
      description:
        'Before maintenance. Every node is told at once, by peers where the hub is away, and until --end, over restarts. Where all backends of a service drain, or all routers to a subnet, they serve on. A hub says the same of a node by the label holdfast.dev/drain: "true".',
      flags: [
        { name: 'end', summary: 'It serves again' },
        {
          name: 'until-start',
          summary: 'Until the agent is started again: what the unit holdfast-drain runs while the host goes down',
        },
        json,
      ],
    },
    load: async () => (await import('./drain.ts')).drainCommand,
  },
  {
    spec: {
      name: 'leave',
      summary: 'Leave the network: clean the kernel, tell the hub',
      description: 'The keys stay, so that a later join is the same node, unless --purge removes them too.',
      flags: [
        { name: 'purge', summary: 'Remove the state directory with its keys' },
        proxyFlag,
        { ...interfaceFlag, summary: 'Name of the mesh interface (default: that of the agent’s last run)' },
        json,
      ],
    },
    load: async () => (await import('./leave.ts')).leaveCommand,
  },
]
