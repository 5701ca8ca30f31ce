// The commands of `holdfast-hub release`, as rows of the table.

import type { CommandSpec, FlagSpec } from '../../shared/cli/command.ts'

export function releaseCommands(data: FlagSpec, json: FlagSpec): readonly CommandSpec[] {
  return [
    {
      name: 'release add',
      summary: 'Lay a signed release there, for devices that an AgentUpdate sends it to',
      description:
        'Run it on the hub’s machine. The signature, and each file, is checked before anything is kept; agents alone are, in the form that devices fetch. They check all of it again by their own release keys.',
      args: [{ name: 'DIR', summary: 'The release, with release.json and its .sig', required: true }],
      flags: [
        { name: 'trust-key', value: 'FILE', summary: 'Take releases by this public key from now on, as PEM' },
        {
          name: 'release-keys',
          value: 'FILE',
          summary: 'The public keys that count; those that the hub knows where absent',
        },
        data,
      ],
      examples: ['holdfast-hub release add release/ --trust-key release/release-key.pem'],
    },
    { name: 'release list', summary: 'Show the releases that lie there', flags: [json, data] },
    {
      name: 'release remove',
      summary: 'Take a release away; devices that are still to fetch it can’t any more',
      args: [{ name: 'VERSION', summary: 'As `release list` shows it', required: true }],
      flags: [data],
    },
  ]
}
