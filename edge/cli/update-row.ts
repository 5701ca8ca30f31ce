// The command that replaces the program.

import { json } from './flags.ts'
import type { CommandRow } from './row.ts'

export const updateRow: CommandRow = {
  spec: {
    name: 'update',
    summary: 'Put another version of the agent on trial: what works now must work with it, or this one comes back',
    description:
      'The file is copied, checked and started for a look before anything changes. Traffic goes on; the verdict takes half a minute, needs no hub, and is reached even if the new version never starts. Exits with 1 where it was taken back. Without an agent it is laid for the next start.',
    args: [{ name: 'FILE', summary: 'The build: holdfast-linux-….tar.gz, or one executable' }],
    flags: [
      { name: 'sha256', value: 'HEX', summary: 'What the file must be; else nothing changes' },
      { name: 'force', summary: 'Also the version that runs, or a file that was taken back here' },
      { name: 'status', summary: 'Show how an update stands, or what became of the last one' },
      json,
    ],
    examples: ['holdfast update holdfast-linux-arm64.tar.gz --sha256 65feac1b…'],
  },
  load: async () => (await import('./update.ts')).updateCommand,
}
