// The command that replaces the program.

import { json } from './flags.ts'
import type { CommandRow } from './row.ts'

export const updateRow: CommandRow = {
  spec: {
    name: 'update',
    summary: 'Put another version of the agent on trial: what works now must work with it, or this one comes back',
    description:
      'The file is checked and started for a look before anything changes. Traffic goes on; the verdict takes half a minute, needs no hub, and is reached even if the new version never starts. Exits with 1 where it was taken back. Without an agent it is laid for the next start.',
    args: [
      {
        name: 'FILE',
        summary: 'The build: one executable, the same behind gzip, holdfast-linux-….tar.gz, or a release directory',
      },
    ],
    flags: [
      { name: 'sha256', value: 'HEX', summary: 'What the file must be; else nothing changes' },
      {
        name: 'manifest',
        value: 'FILE',
        summary:
          'The signed list of the release; release.json beside FILE where absent. Needed where release keys are laid',
      },
      { name: 'unsigned', summary: 'Take a file that no release key vouches for' },
      { name: 'force', summary: 'Also the version that runs, an older one, or a file that was taken back here' },
      { name: 'status', summary: 'Show how an update stands, or what became of the last one' },
      json,
    ],
    examples: ['holdfast update release/', 'holdfast update holdfast-linux-arm64.gz --manifest release.json'],
  },
  load: async () => (await import('./update.ts')).updateCommand,
}
