// The commands of `holdfast-hub policy`, as rows of the table.

import type { CommandSpec, FlagSpec } from '../../shared/cli/command.ts'

export function policyCommands(reach: readonly FlagSpec[], json: FlagSpec): readonly CommandSpec[] {
  const flags: readonly FlagSpec[] = [
    {
      name: 'file',
      short: 'f',
      value: 'FILE',
      repeat: true,
      summary: 'Take intent of this file to be applied: policies, nodes with their labels, the network; - for stdin',
    },
    { name: 'network', value: 'NAME', summary: 'Which network', default: 'default' },
    json,
    ...reach,
  ]
  return [
    {
      name: 'policy explain',
      summary: 'Say whether one end may reach the other, by which rule of which policy, and why',
      description: 'Changes nothing. Asks the policies as they are, or with --file as they would be.',
      args: [
        { name: 'FROM', summary: 'A node, NAMESPACE/NAME of a pod, or an address; * stands for any', required: true },
        { name: 'TO', summary: 'The same', required: true },
        { name: 'PORT', summary: '443, 53/udp, or icmp', required: true },
      ],
      flags,
      examples: [
        'holdfast-hub policy explain shop-1 plc-7 502',
        'holdfast-hub policy explain shop-1 hub 443 -f change.yaml',
      ],
    },
    {
      name: 'policy test',
      summary: 'Check who must reach what, and who must not, against the policies; exits with 1 where it is otherwise',
      description: 'Changes nothing. Made for pipelines: with --file it checks a change before it is applied.',
      args: [{ name: 'ASSERTIONS', summary: 'YAML: from, mustReach, mustNotReach; see the README', required: true }],
      flags,
      examples: ['holdfast-hub policy test examples/tests/policy-test.yaml -f change.yaml'],
    },
  ]
}
