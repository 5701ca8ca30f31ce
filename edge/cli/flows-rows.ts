// The command `holdfast flows`, as a row of the table.

import { json } from './flags.ts'
import type { CommandRow } from './row.ts'

export const flowsRows: readonly CommandRow[] = [
  {
    spec: {
      name: 'flows',
      summary: 'Show who talked with whom through the mesh, what was denied, and by which rule',
      description:
        'Of this node’s own record: who opened it, names and labels at the time, packets and bytes each way, the path, and the policy, tier and rule that decided. Never what was said. Works without the hub; without the agent it shows what is on record.',
      flags: [
        { name: 'denied', summary: 'Only what was dropped' },
        { name: 'since', value: 'TIME', summary: 'How far back: 20m, 4h, 7d (default 1h)' },
        { name: 'peer', value: 'NAME', summary: 'Only with this node, pod or service, or this address, at either end' },
        { name: 'follow', short: 'f', summary: 'Go on showing flows as they are seen' },
        { name: 'limit', value: 'N', summary: 'How many at most, the newest (default 1000)' },
        { name: 'verify', summary: 'Check that nothing on record was changed or is missing; exits with 1 if so' },
        json,
      ],
      examples: ['holdfast flows --denied --since 1h', 'holdfast flows --peer plc-7 -f'],
    },
    load: async () => (await import('./flows.ts')).flowsCommand,
  },
]
