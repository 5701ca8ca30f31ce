// The commands of `holdfast policy`, as rows of the table.

import { json } from './flags.ts'
import type { CommandRow } from './row.ts'

export const policyRows: readonly CommandRow[] = [
  {
    spec: {
      name: 'policy explain',
      summary: 'Say whether one end may reach the other, by which rule of which policy, and why',
      description:
        'Of the policies that this node holds, and its overrides; and what is on record here of such flows: how they fare, since when and since which revision, and how before. Needs no hub, no network and no agent.',
      args: [
        { name: 'FROM', summary: 'A node, NAMESPACE/NAME of a pod, or an address; * stands for any', required: true },
        { name: 'TO', summary: 'The same', required: true },
        { name: 'PORT', summary: '443, 53/udp, or icmp', required: true },
      ],
      flags: [{ name: 'since', value: 'TIME', summary: 'How far back on record: 4h, 7d (default 30d)' }, json],
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
      name: 'policy whatif',
      summary: 'Show which flows on record would fare otherwise if other policies held',
      description:
        'Changes nothing. FILE has policies as for `holdfast-hub apply`: they stand in place of those of the same name, or come in addition. Each flow on record is judged at both ends, with names and labels as they were then. Needs no hub and no agent.',
      args: [{ name: 'FILE', summary: 'Policies, also those of Kubernetes; - for stdin; not needed with --delete' }],
      flags: [
        { name: 'delete', value: 'NAME', repeat: true, summary: 'As if this policy were gone' },
        { name: 'since', value: 'TIME', summary: 'How far back: 20m, 4h, 7d (default 7d)' },
        {
          name: 'fail-on',
          value: 'WHAT',
          choices: ['loss', 'change'],
          summary: 'Exit with 1 if a flow that passed would be refused (loss), or any would fare otherwise (change)',
        },
        json,
      ],
      examples: [
        'holdfast policy whatif change.yaml --since 7d',
        'holdfast policy whatif --delete open-hmi --fail-on loss',
      ],
    },
    load: async () => (await import('./policy-whatif.ts')).policyWhatifCommand,
  },
  {
    spec: {
      name: 'policy suggest',
      summary: 'Write the least policy that the flows on record need, with what each rule was learned from',
      description:
        'Of this node’s own record: only flows that were accepted and answered teach anything; what was refused, one-sided or a scan does not. Prints YAML for `holdfast policy whatif` and `holdfast-hub apply`.',
      flags: [
        { name: 'since', value: 'TIME', summary: 'How far back: 20m, 4h, 7d (default 7d)' },
        {
          name: 'by',
          value: 'LABELS',
          repeat: true,
          summary:
            'Keys of labels to select by, like role,site: for this node, too. Without it, peers are selected by all of their labels, and this node by its name',
        },
        {
          name: 'direction',
          value: 'WAY',
          choices: ['ingress', 'egress'],
          summary: 'Learn only who comes in, or only whom this node calls (default: both)',
        },
        { name: 'name', value: 'NAME', summary: 'Name of the policy (default suggested-NODE)' },
        { name: 'output', short: 'o', value: 'FORMAT', choices: ['yaml', 'json'], summary: 'yaml (default) or json' },
        json,
      ],
      examples: ['holdfast policy suggest --since 7d > least.yaml', 'holdfast policy suggest --by role -o yaml'],
    },
    load: async () => (await import('./policy-suggest.ts')).policySuggestCommand,
  },
  {
    spec: {
      name: 'policy audit',
      summary: 'Show which flows on record would fare otherwise if policies in Audit mode were enforced',
      description: 'Changes nothing, and asks nobody else. Flows from before such a policy came are asked, too.',
      flags: [{ name: 'since', value: 'TIME', summary: 'How far back: 20m, 4h, 7d (default 7d)' }, json],
    },
    load: async () => (await import('./policy-audit.ts')).policyAuditCommand,
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
