// The commands of `holdfast-hub flows`, as rows of the table.

import type { CommandSpec, FlagSpec } from '../../shared/cli/command.ts'

export function flowCommands(reach: readonly FlagSpec[], json: FlagSpec): readonly CommandSpec[] {
  return [
    {
      name: 'flows',
      summary: 'Show who talked with whom, what was denied, and by which rule, as devices have it on record',
      description:
        'Devices bring their records while the hub is there; BY says whose it is. A flow between two devices stands on record at both, as each saw and judged it. What is missing is told on standard error.',
      flags: [
        { name: 'node', value: 'NAME', summary: 'Only the record of this node, also of one that is gone' },
        { name: 'peer', value: 'NAME', summary: 'Only with this node, pod or service, or this address, at either end' },
        { name: 'denied', summary: 'Only what was dropped' },
        { name: 'since', value: 'TIME', summary: 'How far back: 20m, 4h, 7d', default: '1h' },
        { name: 'limit', value: 'N', summary: 'How many at most, the newest', default: '1000' },
        { name: 'follow', short: 'f', summary: 'Go on showing flows as devices bring them' },
        {
          name: 'output',
          short: 'o',
          value: 'FORMAT',
          summary: 'How to print; hubble: a line for each flow, as `hubble observe -o json` has it',
          default: 'table',
          choices: ['table', 'json', 'hubble'],
        },
        { ...json, summary: 'The same as -o json' },
        ...reach,
      ],
      examples: ['holdfast-hub flows --denied --since 1d', 'holdfast-hub flows --node plc-7 --peer shop-1 -f'],
    },
    {
      name: 'flows accept',
      summary: 'Go on with the record of a node that was refused, cut or edited as it is; what is here stays',
      args: [{ name: 'NODE', summary: 'Its name', required: true }],
      flags: reach,
    },
  ]
}
