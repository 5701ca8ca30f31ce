// The commands of holdfast-hub as a table: parsing, help, completion and the manual page all read it.

import type { CommandSpec, FlagSpec, ProgramSpec } from '../../shared/cli/command.ts'
import { shells } from '../../shared/cli/completion.ts'
import { roles } from '../access/access-store.ts'
import { clusterCommands } from './cluster-program.ts'
import { flowCommands } from './flow-program.ts'
import { lockCommands } from './lock-program.ts'
import { nodeCommands } from './node-program.ts'
import { overrideCommands } from './override-program.ts'
import { policyCommands } from './policy-program.ts'
import { releaseCommands } from './release-program.ts'
import { renumberCommands } from './renumber-program.ts'
import { data, serve } from './serve-program.ts'

/** How a command reaches the hub: on its own machine through the data directory, from elsewhere by URL and token. */
const reach: readonly FlagSpec[] = [
  data,
  { name: 'url', value: 'URL', summary: 'Address of the hub; read from the data directory where absent' },
  { name: 'token', value: 'TOKEN', summary: 'API token; better given as HOLDFAST_HUB_TOKEN, which `ps` does not show' },
  {
    name: 'ca',
    value: 'FILE',
    summary: 'The hub’s authority (tls/authority.crt); from the data directory where absent',
  },
]

const output: FlagSpec = {
  name: 'output',
  short: 'o',
  value: 'FORMAT',
  summary: 'How to print',
  default: 'table',
  choices: ['table', 'json', 'yaml'],
}
const json: FlagSpec = { name: 'json', summary: 'Print JSON' }

const kindArgument = {
  name: 'KIND',
  summary:
    'networks, canaries, agentupdates, nodes, policies, routes, exits, services or tokens, the singular will do; `get` also clusters',
  required: true,
} as const

const intent: readonly CommandSpec[] = [
  {
    name: 'apply',
    summary: 'Create or change what a file says, all or none',
    flags: [
      {
        name: 'file',
        short: 'f',
        value: 'FILE',
        repeat: true,
        summary: 'YAML or JSON with one or more documents; - for stdin',
      },
      {
        name: 'canary',
        value: 'WHO',
        summary: 'Let some nodes go first, the others wait: a share, 10%, labels, site=north, or both: 10%,site=north',
      },
      {
        name: 'canary-wait',
        value: 'TIME',
        summary: 'All others follow when it has proven itself so long, or `never`: when the canary is deleted',
        default: '10m',
      },
      { name: 'dry-run', summary: 'Check and show, change nothing' },
      ...reach,
    ],
    examples: ['holdfast-hub apply -f examples/fleet.yaml', 'holdfast-hub apply -f change.yaml --canary 10%'],
  },
  {
    name: 'get',
    summary: 'Show resources',
    args: [kindArgument, { name: 'NAME', summary: 'Only this one' }],
    flags: [
      output,
      { ...json, summary: 'The same as -o json' },
      { name: 'watch', short: 'w', summary: 'Go on and print what changes' },
      ...reach,
    ],
    examples: ['holdfast-hub get nodes', 'holdfast-hub get policy web -o yaml'],
  },
  {
    name: 'delete',
    summary: 'Delete a resource',
    args: [kindArgument, { name: 'NAME', summary: 'Which', required: true }],
    flags: reach,
  },
]

const tokens: readonly CommandSpec[] = [
  {
    name: 'token create',
    summary: 'Make a join token for devices and say how to use it',
    flags: [
      { name: 'network', value: 'NAME', summary: 'Network that devices join', default: 'default' },
      { name: 'ttl', value: 'TIME', summary: 'How long it may be used: 90s, 15m, 24h, 7d', default: '1h' },
      { name: 'uses', value: 'N', summary: 'How many devices may use it', default: '1' },
      { name: 'label', value: 'K=V', repeat: true, summary: 'Label of every device that joins with it' },
      { name: 'approve', summary: 'Let devices wait until somebody approves them' },
      json,
      ...reach,
    ],
    examples: ['holdfast-hub token create --label site=alpha --uses 20 --ttl 24h'],
  },
  { name: 'token list', summary: 'List join tokens', flags: [json, ...reach] },
  {
    name: 'token revoke',
    summary: 'Revoke a join token; devices that joined with it stay',
    args: [{ name: 'ID', summary: 'As `token list` shows it', required: true }],
    flags: reach,
  },
  {
    name: 'access create',
    summary: 'Make an API token for a person or a program',
    args: [{ name: 'NAME', summary: 'Whose it is; stands in the audit log', required: true }],
    flags: [
      { name: 'role', value: 'ROLE', summary: 'What it may do', default: 'viewer', choices: roles },
      { name: 'ttl', value: 'TIME', summary: 'How long it is valid; without end where absent' },
      json,
      ...reach,
    ],
  },
  { name: 'access list', summary: 'List API tokens', flags: [json, ...reach] },
  {
    name: 'access revoke',
    summary: 'Revoke an API token',
    args: [{ name: 'ID', summary: 'As `access list` shows it', required: true }],
    flags: reach,
  },
  {
    name: 'approve',
    summary: 'Let a waiting device in',
    args: [{ name: 'NODE', summary: 'Its name', required: true }],
    flags: reach,
  },
]

const fleet: readonly CommandSpec[] = [
  { name: 'status', summary: 'The hub, its networks and how far they are', flags: [json, ...reach] },
  {
    name: 'explain node',
    summary: 'All that bears on one device: state, health with remedies, policies, routes, paths',
    args: [{ name: 'NAME', summary: 'Which', required: true }],
    flags: [json, ...reach],
  },
  {
    name: 'explain policy',
    summary: 'Whom a policy selects, and how far it has come',
    args: [{ name: 'NAME', summary: 'Which', required: true }],
    flags: [json, ...reach],
  },
  {
    name: 'explain path',
    summary: 'How two devices reach each other, as both report it',
    args: [
      { name: 'FROM', summary: 'A device', required: true },
      { name: 'TO', summary: 'Another', required: true },
    ],
    flags: [json, ...reach],
  },
  {
    name: 'graph',
    summary: 'The mesh as a picture, for Graphviz or Mermaid',
    flags: [
      { name: 'format', value: 'FORMAT', summary: 'Language', default: 'dot', choices: ['dot', 'mermaid'] },
      ...reach,
    ],
    examples: ['holdfast-hub graph | dot -Tsvg > mesh.svg'],
  },
  {
    name: 'crds',
    summary: 'The kinds of intent as CustomResourceDefinitions for Kubernetes 1.31 or newer, in YAML',
    examples: ['holdfast-hub crds | kubectl apply --server-side -f -'],
  },
  {
    name: 'audit',
    summary: 'Who changed what',
    flags: [
      { name: 'limit', value: 'N', summary: 'Rows, newest first', default: '50' },
      { name: 'actor', value: 'NAME', summary: 'Only what this one did' },
      { name: 'verb', value: 'WORD', summary: 'Only this: create, delete, sign-in, command' },
      {
        name: 'target',
        value: 'TEXT',
        summary: 'Only what was done to this; how it begins will do: node/, policy/web',
      },
      { name: 'since', value: 'TIME', summary: 'How far back: 20m, 4h, 7d' },
      { name: 'before', value: 'ID', summary: 'The next page: `next` of the one before, as --json has it' },
      json,
      ...reach,
    ],
    examples: ['holdfast-hub audit --target node/press-7', 'holdfast-hub audit --actor anna --verb delete'],
  },
]

const upkeep: readonly CommandSpec[] = [
  {
    name: 'backup',
    summary: 'Write databases and keys into one file, also while the hub runs',
    args: [{ name: 'FILE', summary: 'Where to; keep it secret, it holds the keys', required: true }],
    flags: [data],
  },
  {
    name: 'restore',
    summary:
      'Bring the hub back into an empty data directory, in a new epoch: from a backup, or from what devices hold',
    args: [{ name: 'FILE', summary: 'The backup' }],
    flags: [
      {
        name: 'from-node',
        value: 'FILE',
        repeat: true,
        summary: 'In place of a backup: what `holdfast export` wrote on a device; of several the newest counts',
      },
      {
        name: 'keys',
        value: 'FILE',
        summary:
          'With --from-node: what `keys export` wrote, or the lost hub’s data directory. With a backup: keys exported after it, where the root key was rotated since',
      },
      data,
    ],
    examples: [
      'holdfast-hub restore backup.tar --data ./hub',
      'holdfast-hub restore --from-node intent.hfi --keys hub.keys --data ./hub',
    ],
  },
  {
    name: 'keys export',
    summary: 'Write the keys that no device can give back into one small file, to be kept off this machine',
    args: [{ name: 'FILE', summary: 'Where to; whoever has it can be this hub', required: true }],
    flags: [data],
  },
  {
    name: 'keys rotate',
    summary:
      'Put another signing key, or with --root another root key, in the place of the present one, as of the next start',
    description:
      'Devices follow by themselves, also those that are away, and refuse the old key once they have heard of it. A backup from before brings the old key back: rotate again after such a restore. With --root it is the key that devices pin: the old and the new one sign that the one follows the other, tokens made before still count, and keys and backups made before are worth nothing to devices that have followed (restore FILE --keys FILE mends a backup). Update agents first.',
    flags: [{ name: 'root', summary: 'The root key, which devices pin, in place of the signing key' }, data],
    examples: ['holdfast-hub keys rotate', 'holdfast-hub keys rotate --root && holdfast-hub keys export new.keys'],
  },
  {
    name: 'keys show',
    summary: 'Show which root key and signing key this hub has, and which root keys came before',
    flags: [data, json],
  },
  {
    name: 'completion',
    summary: 'Print a completion script',
    args: [{ name: 'SHELL', summary: shells.join(', '), required: true }],
  },
  { name: 'man', summary: 'Print the manual page' },
  { name: 'licences', summary: 'Print the licences of what this program is made of' },
  { name: 'version', summary: 'Print the version', flags: [json] },
]

export const program: ProgramSpec = {
  name: 'holdfast-hub',
  summary: 'the hub of a Holdfast fleet: intent in, signed records out',
  environment: 'HOLDFAST_HUB_',
  commands: [
    serve,
    ...intent,
    ...tokens,
    ...clusterCommands(reach, json),
    ...lockCommands(reach, json),
    ...renumberCommands(reach, json),
    ...fleet,
    ...flowCommands(reach, json),
    ...policyCommands(reach, json),
    ...nodeCommands(reach, json),
    ...overrideCommands(reach, json),
    ...releaseCommands(data, json),
    ...upkeep,
  ],
}
