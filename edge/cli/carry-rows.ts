// The commands that carry intent by hand, as rows of the table.

import { json } from './flags.ts'
import type { CommandRow } from './row.ts'

export const carryRows: readonly CommandRow[] = [
  {
    spec: {
      name: 'export',
      summary: 'Write all that this node knows of its network into a file, to be carried to another node',
      description:
        'The newest signed intent, and where every node was last. Works without hub and without the agent. The file holds no secret, and nobody has to trust who carries it.',
      args: [{ name: 'FILE', summary: 'Where to write it; - is standard output', required: true }],
      flags: [json],
    },
    load: async () => (await import('./carry.ts')).exportCommand,
  },
  {
    spec: {
      name: 'import',
      summary: 'Take newer intent from a file that `holdfast export` wrote, and pass it on to all peers',
      description:
        'Verified as what comes from the hub: intent that is older, damaged, or of another network changes nothing.',
      args: [{ name: 'FILE', summary: 'The file; - is standard input', required: true }],
      flags: [json],
      examples: ['holdfast export - | ssh pi@other-site sudo holdfast import -'],
    },
    load: async () => (await import('./carry.ts')).importCommand,
  },
]
