// The commands about clusters that are not the hub's own, as the table of commands has them.

import type { CommandSpec, FlagSpec } from '../../shared/cli/command.ts'

const nameArgument = { name: 'NAME', summary: 'Which', required: true } as const

const pods: FlagSpec = {
  name: 'pods',
  value: 'BLOCK',
  repeat: true,
  summary: 'Addresses that pods of the cluster may have; none of them is routed where absent',
}

const run: CommandSpec = {
  name: 'cluster run',
  summary: 'Run the agent of a cluster in the foreground: in a pod of it, or with KUBECONFIG',
  description:
    'Tells the hub what the cluster holds, and writes there what becomes of it. It keeps nothing; while the hub is away, all goes on as it is.',
  flags: [
    { name: 'url', value: 'URL', summary: 'Address of the hub, like https://hub.example.org:8443' },
    {
      name: 'key',
      value: 'WORD',
      summary: 'Key of the cluster; better given as HOLDFAST_HUB_KEY, which `ps` does not show',
    },
    { name: 'key-file', value: 'FILE', summary: 'File that it stands in, for its owner’s eyes alone' },
    {
      name: 'node-labels',
      summary: 'Nodes of the cluster get labels that tell of uplinks; needs the right to patch Nodes',
    },
    {
      name: 'log-level',
      value: 'LEVEL',
      summary: 'Least level to log',
      choices: ['debug', 'info', 'warn', 'error'],
    },
    { name: 'log-format', value: 'FORMAT', summary: 'Form of log lines', choices: ['text', 'json', 'journal'] },
  ],
  examples: ['holdfast-hub cluster run --url https://hub.example.org:8443 --key-file north.key'],
}

export function clusterCommands(reach: readonly FlagSpec[], json: FlagSpec): readonly CommandSpec[] {
  return [
    {
      name: 'cluster add',
      summary: 'Let a Kubernetes cluster be followed by an agent in it, and make the key of that agent',
      description:
        'What follows from objects of the cluster is called NAME--…, holds for its own pods, and goes with it. Its nodes are devices with the label holdfast.dev/cluster=NAME.',
      args: [{ name: 'NAME', summary: 'What the cluster is called here, for good', required: true }],
      flags: [
        {
          name: 'network',
          value: 'NAME',
          summary: 'Network that its policies, routes and services are in',
          default: 'default',
        },
        pods,
        json,
        ...reach,
      ],
      examples: ['holdfast-hub cluster add north --pods 10.43.0.0/16'],
    },
    {
      name: 'cluster list',
      summary: 'List clusters, when they were last heard, and what follows from them',
      flags: [json, ...reach],
    },
    {
      name: 'cluster set',
      summary: 'Say anew which addresses pods of a cluster may have',
      args: [nameArgument],
      flags: [pods, json, ...reach],
    },
    {
      name: 'cluster rekey',
      summary: 'Give the agent of a cluster another key; the old one ends, and the next cluster that speaks is the one',
      args: [nameArgument],
      flags: [json, ...reach],
    },
    {
      name: 'cluster remove',
      summary: 'Follow a cluster no longer, and take away what it brought',
      args: [nameArgument],
      flags: [json, ...reach],
    },
    run,
  ]
}
