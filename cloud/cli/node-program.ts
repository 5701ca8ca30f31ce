// The commands of `holdfast-hub node`, as rows of the table.

import type { CommandSpec, FlagSpec } from '../../shared/cli/command.ts'

const node = { name: 'NODE', summary: 'Its name', required: true } as const
const wait: FlagSpec = { name: 'wait', value: 'TIME', summary: 'How long to wait for the device', default: '60s' }

export function nodeCommands(reach: readonly FlagSpec[], json: FlagSpec): readonly CommandSpec[] {
  return [
    {
      name: 'node ping',
      summary: 'Let a device ping a peer over the mesh, or only answer itself',
      args: [node, { name: 'PEER', summary: 'Whom; without it the device itself answers' }],
      flags: [{ name: 'count', value: 'N', summary: 'How many pings', default: '4' }, wait, json, ...reach],
      examples: ['holdfast-hub node ping press-7', 'holdfast-hub node ping press-7 gateway-1'],
    },
    {
      name: 'node netcheck',
      summary: 'What a device finds out about its network: NAT, relays, ports, paths',
      args: [node],
      flags: [wait, json, ...reach],
    },
    {
      name: 'node history',
      summary: 'How a device reached a peer of late: path, round trip, loss, bytes, as it measured them',
      args: [node, { name: 'PEER', summary: 'Whom', required: true }],
      flags: [wait, json, ...reach],
    },
    {
      name: 'node bundle',
      summary: 'Fetch the support bundle of a device, without secrets',
      args: [node],
      flags: [
        { name: 'file', short: 'f', value: 'FILE', summary: 'Where to; named after the device where absent' },
        wait,
        json,
        ...reach,
      ],
    },
    {
      name: 'node rotate-key',
      summary: 'Let a device make itself another WireGuard key; takes an administrator',
      args: [node],
      flags: [wait, json, ...reach],
    },
  ]
}
