// The commands of `holdfast policy`, as rows of the table.

import { json } from './flags.ts'
import type { CommandRow } from './row.ts'

export const policyRows: readonly CommandRow[] = [
  {
    spec: {
      name: 'policy explain',
      summary: 'Say whether one end may reach the other, by which rule of which policy, and why',
      description: 'Of the policies that this node holds, and its overrides. Needs no hub, no network and no agent.',
      args: [
        { name: 'FROM', summary: 'A node, NAMESPACE/NAME of a pod, or an address; * stands for any', required: true },
        { name: 'TO', summary: 'The same', required: true },
        { name: 'PORT', summary: '443, 53/udp, or icmp', required: true },
      ],
      flags: [json],
      examples: ['holdfast policy explain shop-1 plc-7 502'],
    },
    load: async () => (await import('./policy-ask.ts')).policyExplainCommand,
  },
  {
    spec: {
      name: 'policy test',
      summary: 'Check who must reach what, and who must not, against intent; exits with 1 where it is otherwise',
      args: [{ name: 'ASSERTIONS', summary: 'YAML: from, mustReach, mustNotReach; - for stdin', required: true }],
      flags: [json],
    },
    load: async () => (await import('./policy-ask.ts')).policyTestCommand,
  },
  {
    spec: {
      name: 'policy override',
      summary: 'Put policies over this node’s own for a while; for sites that are cut off from the hub',
      description:
        'Root only. Changes what this node lets in and out, and nothing else: no key, no member, no other node. Signed, kept over restarts, written to the journal, shown in the status, told to the hub, and ended by itself. Where priorities tie, it wins over intent.',
      args: [{ name: 'FILE', summary: 'Policies, as for `holdfast-hub apply`; - for stdin', required: true }],
      flags: [
        { name: 'expires', value: 'TIME', summary: 'When it ends by itself: 20m, 4h, at most 7d; needed' },
        { name: 'reason', value: 'TEXT', summary: 'Why, for those who come after; needed' },
        json,
      ],
      examples: ['holdfast policy override open-hmi.yaml --expires 4h --reason "line 3 is down, ticket 4711"'],
    },
    load: async () => (await import('./policy.ts')).overrideCommand,
  },
  {
    spec: {
      name: 'policy close',
      summary: 'Let nothing through the mesh until the agent has loaded its policy; does nothing where a policy stands',
      description:
        'Root only. The unit holdfast-boot runs it before networking, so that a device is closed from power-on, also where the agent does not start.',
      flags: [json],
    },
    load: async () => (await import('./policy-close.ts')).policyCloseCommand,
  },
  {
    spec: {
      name: 'policy overrides',
      summary: 'List the overrides that hold here, and the last that ended',
      flags: [json],
    },
    load: async () => (await import('./policy.ts')).overridesCommand,
  },
  {
    spec: {
      name: 'policy restore',
      summary: 'End an override early: the policy of the intent holds again',
      args: [{ name: 'ID', summary: 'Which, or how its id begins; may be left out where there is one' }],
      flags: [json],
    },
    load: async () => (await import('./policy.ts')).restoreCommand,
  },
]
