// The commands of `holdfast-hub overrides`, as rows of the table.

import type { CommandSpec, FlagSpec } from '../../shared/cli/command.ts'

const id = { name: 'ID', summary: 'As `overrides list` shows it, or how it begins', required: true } as const

export function overrideCommands(reach: readonly FlagSpec[], json: FlagSpec): readonly CommandSpec[] {
  return [
    {
      name: 'overrides list',
      summary: 'Policy overrides that devices told of: where, by whom, why, until when',
      flags: [json, ...reach],
    },
    {
      name: 'overrides show',
      summary: 'One policy override with its policies, as YAML',
      args: [id],
      flags: [json, ...reach],
    },
    {
      name: 'overrides accept',
      summary: 'Make its policies intent, for its device alone; the override ends once they are in force there',
      args: [id],
      flags: reach,
    },
    {
      name: 'overrides drop',
      summary: 'End it on its device, as soon as that hears of it',
      args: [id],
      flags: reach,
    },
  ]
}
