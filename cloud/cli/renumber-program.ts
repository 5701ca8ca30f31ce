// The commands `renumber …` as rows of the table.

import type { CommandSpec, FlagSpec } from '../../shared/cli/command.ts'

const network: FlagSpec = { name: 'network', value: 'NAME', summary: 'Which network', default: 'default' }
const without: FlagSpec = {
  name: 'without',
  value: 'NODE',
  repeat: true,
  summary: 'Do not wait for this one: it hears of the rest from the hub when it is back',
}

/** `reach`: how a command reaches the hub. */
export function renumberCommands(reach: readonly FlagSpec[], json: FlagSpec): readonly CommandSpec[] {
  return [
    {
      name: 'renumber start',
      summary: 'Give every node of a network an address in another block, besides its own',
      flags: [
        { name: 'cidr', value: 'BLOCK', summary: 'The new IPv4 block' },
        { name: 'cidr6', value: 'BLOCK', summary: 'The new IPv6 block' },
        without,
        network,
        ...reach,
      ],
      examples: ['holdfast-hub renumber start --cidr 10.90.0.0/16'],
    },
    {
      name: 'renumber switch',
      summary: 'Turn to the new block, once every node holds both',
      flags: [without, network, ...reach],
    },
    {
      name: 'renumber finish',
      summary: 'Let the block that is not in use any more go, once every node has turned',
      flags: [without, network, ...reach],
    },
    { name: 'renumber abort', summary: 'Go back to the old block', flags: [network, ...reach] },
    { name: 'renumber status', summary: 'Which step it is at, and who is missing', flags: [network, json, ...reach] },
  ]
}
