// The command `networks`, as a row of the table.

import { json } from './flags.ts'
import type { CommandRow } from './row.ts'

export const networksRow: CommandRow = {
  spec: {
    name: 'networks',
    summary: 'Show the networks that this device is a member of',
    description:
      'The first one is the host’s own. Each further one, joined with --network NAME, has keys, tables, policies, names and a network namespace of its own, hf-NAME: `ip netns exec hf-NAME COMMAND` runs a program there.',
    flags: [json],
  },
  load: async () => (await import('./networks.ts')).networksCommand,
}
