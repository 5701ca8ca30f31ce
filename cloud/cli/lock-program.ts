// The commands `lock …` as rows of the table.

import type { CommandSpec, FlagSpec } from '../../shared/cli/command.ts'

const network: FlagSpec = { name: 'network', value: 'NAME', summary: 'Which network', default: 'default' }
const key: FlagSpec = {
  name: 'key',
  value: 'FILE',
  repeat: true,
  summary: 'File of a lock key to sign with, or its PKCS #11 URI on a token',
}
const output: FlagSpec = {
  name: 'output',
  short: 'o',
  value: 'FILE',
  summary: 'Write it there for others to sign, instead of handing it in; - for stdout',
}
const threshold: FlagSpec = { name: 'threshold', value: 'N', summary: 'How many keys must sign' }
const replace: FlagSpec = {
  name: 'replace',
  summary:
    'The keys of the present lock are lost: begin anew. Each device refuses it until `holdfast lock trust FILE` there',
}

const blocks: readonly FlagSpec[] = [
  { name: 'cidr', value: 'BLOCK', summary: 'For what `renumber start` with this IPv4 block leads to as well' },
  { name: 'cidr6', value: 'BLOCK', summary: 'The same, with this IPv6 block' },
]

function beginning(reach: readonly FlagSpec[], json: FlagSpec): readonly CommandSpec[] {
  return [
    {
      name: 'lock key',
      summary: 'Make a key of the membership lock in a file, and print its public half',
      description: 'Needs no hub, and its place is not there: who steals the hub must not find it.',
      args: [
        {
          name: 'FILE',
          summary: 'Where to; must not exist. Of a PKCS #11 URI it only prints that half',
          required: true,
        },
      ],
    },
    {
      name: 'lock init',
      summary: 'Put a membership lock on a network: nobody is a member without signatures of its keys',
      description:
        'Signs for all present members, whom it lists. Keys of others go in by their public half; then write the file with -o for them to sign.',
      flags: [
        key,
        { name: 'public', value: 'KEY', repeat: true, summary: 'Public half of a key whose file is elsewhere' },
        { ...threshold, summary: 'How many keys must sign; more than half of them where absent' },
        output,
        replace,
        network,
        ...reach,
      ],
      examples: ['holdfast-hub lock init --key alice.key --key bob.key --threshold 1'],
    },
    {
      name: 'lock status',
      summary: 'Show the membership lock, its keys, and who is signed for',
      flags: [network, json, ...reach],
    },
  ]
}

function signing(reach: readonly FlagSpec[], json: FlagSpec): readonly CommandSpec[] {
  return [
    {
      name: 'lock pending',
      summary: 'Show who waits for signatures, or write it as a file to be signed elsewhere',
      flags: [
        { ...output, summary: 'Write the file for `lock sign --file`; - for stdout' },
        ...blocks,
        network,
        json,
        ...reach,
      ],
    },
    {
      name: 'lock sign',
      summary: 'Sign for members; with --file without a hub',
      description: 'Compare the ids with what `holdfast status` says on the devices before you sign.',
      args: [{ name: 'NODE', summary: 'Whom to sign for', repeat: true }],
      flags: [
        key,
        { name: 'all', summary: 'Sign for everybody who waits, or who is in the file' },
        { name: 'file', value: 'FILE', summary: 'Sign this file in place, with the lock that it proposes' },
        ...blocks,
        network,
        ...reach,
      ],
      examples: [
        'holdfast-hub lock sign pump-7 --key alice.key',
        'holdfast-hub lock sign --file new.json --all --key bob.key',
        'holdfast-hub lock sign --all --cidr 10.90.0.0/16 --key alice.key',
      ],
    },
    {
      name: 'lock submit',
      summary: 'Hand in a file that was signed',
      args: [{ name: 'FILE', summary: 'As `lock sign --file` left it', required: true }],
      flags: [replace, network, ...reach],
    },
  ]
}

function changing(reach: readonly FlagSpec[]): readonly CommandSpec[] {
  return [
    {
      name: 'lock change',
      summary: 'Add or remove lock keys, change how many must sign, revoke devices for good',
      description: 'Signed by the present keys and by the new ones. Signs for all present members anew.',
      flags: [
        { name: 'add', value: 'KEY', repeat: true, summary: 'Public half of a key that is to belong to the lock' },
        {
          name: 'remove',
          value: 'KEY',
          repeat: true,
          summary: 'Public half of a key that is not to belong to it any more',
        },
        threshold,
        {
          name: 'revoke',
          value: 'NODE',
          repeat: true,
          summary: 'A device that no signature lets in again, by name or id',
        },
        {
          name: 'pardon',
          value: 'NODE',
          repeat: true,
          summary: 'A revoked device that may be signed for again, by id',
        },
        key,
        output,
        network,
        ...reach,
      ],
      examples: ['holdfast-hub lock change --revoke pump-7 --key alice.key'],
    },
    {
      name: 'lock end',
      summary: 'Take the membership lock off, with signatures of its keys',
      flags: [key, output, network, ...reach],
    },
    {
      name: 'lock export',
      summary: 'Write the lock to a file for `holdfast lock trust FILE` on a device',
      args: [{ name: 'FILE', summary: 'Where to; - for stdout', required: true }],
      flags: [network, ...reach],
    },
  ]
}

/** `reach`: how a command reaches the hub. */
export function lockCommands(reach: readonly FlagSpec[], json: FlagSpec): readonly CommandSpec[] {
  return [...beginning(reach, json), ...signing(reach, json), ...changing(reach)]
}
