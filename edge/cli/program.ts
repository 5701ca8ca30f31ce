// The commands of `holdfast` as a table. Each is loaded only when it is called: the agent's memory holds the agent.

import type { FlagSpec, ProgramSpec } from '../../shared/cli/command.ts'
import { shells } from '../../shared/cli/completion.ts'
import { defaultStateDir } from '../host/files.ts'
import { carryRows } from './carry-rows.ts'
import { agentFlags, hubBehindFlag, interfaceFlag, json, proxyFlag } from './flags.ts'
import { flowsRows } from './flows-rows.ts'
import { gateRow } from './gate-row.ts'
import { keysRows } from './keys-rows.ts'
import { leavingRows } from './leaving-rows.ts'
import { lockRows } from './lock-rows.ts'
import { mirrorRows } from './mirror-rows.ts'
import { networksRow } from './networks-row.ts'
import { policyRows } from './policy-rows.ts'
import type { CommandRow } from './row.ts'
import { updateRow } from './update-row.ts'

/** Of every command. Without defaults: a default here would hide what the config file says. */
const common: readonly FlagSpec[] = [
  { name: 'state', value: 'DIR', summary: `State directory (default ${defaultStateDir})` },
  {
    name: 'network',
    value: 'NAME',
    summary: 'A further network of this device, by the name it has here (default: the first one)',
  },
  { name: 'config', value: 'FILE', summary: 'Config file, YAML; its keys are the long flags in camelCase' },
  {
    name: 'log-level',
    value: 'LEVEL',
    summary: 'How much to log (default info)',
    choices: ['debug', 'info', 'warn', 'error'],
  },
  {
    name: 'log-format',
    value: 'FORMAT',
    summary: 'How to log (default auto)',
    choices: ['auto', 'text', 'json', 'journal'],
  },
]

export const commands: readonly CommandRow[] = [
  {
    spec: {
      name: 'join',
      summary: 'Enrol this device with a hub',
      description:
        'Makes the device’s keys, proves the hub by the token’s pin, and stores the first intent. Safe to repeat after an interruption.',
      args: [{ name: 'URL', summary: 'Address of the hub', required: true }],
      flags: [
        {
          name: 'token',
          value: 'WORD',
          summary: 'Join token, from `holdfast-hub token create`; HOLDFAST_TOKEN keeps it out of process lists',
        },
        { name: 'name', value: 'NAME', summary: 'Name of this node; the hub makes one up if absent' },
        { name: 'label', value: 'KEY=VALUE', summary: 'Label of this node', repeat: true },
        { name: 'timeout', value: 'TIME', summary: 'How long to wait for the hub and for approval', default: '10m' },
        { name: 'if-needed', summary: 'Where this device has joined a hub already, do nothing, and ask nobody' },
        proxyFlag,
        json,
      ],
      examples: ['holdfast join https://hub.example.org:8443 --token hf1.… --label site=north'],
    },
    load: async () => (await import('./join.ts')).joinCommand,
  },
  {
    spec: {
      name: 'agent',
      summary: 'Run the agent in the foreground',
      description: 'Starts from the cache and needs no hub. May be stopped or killed at any moment: traffic goes on.',
      flags: agentFlags,
    },
    load: async () => (await import('./agent.ts')).agentCommand,
  },
  {
    spec: {
      name: 'status',
      summary: 'Show this node, its hub, its peers and its health',
      description: 'Without an agent it shows what the cache holds, and exits with 1.',
      flags: [json],
    },
    load: async () => (await import('./look.ts')).statusCommand,
  },
  {
    spec: {
      name: 'metrics',
      summary: 'Print the agent’s figures in the text format of Prometheus',
      description:
        'For node_exporter’s textfile collector, write them by a timer: readers see the old or the new file whole.',
      flags: [{ name: 'output', short: 'o', value: 'FILE', summary: 'Where to write them; - is standard output' }],
      examples: ['holdfast metrics -o /var/lib/prometheus/node-exporter/holdfast.prom'],
    },
    load: async () => (await import('./metrics.ts')).metricsCommand,
  },
  {
    spec: {
      name: 'ping',
      summary: 'Measure the round trip to a peer through the mesh',
      args: [{ name: 'NODE', summary: 'Name, id or mesh address of the peer', required: true }],
      flags: [{ name: 'count', short: 'c', value: 'N', summary: 'How many', default: '4' }, json],
    },
    load: async () => (await import('./look.ts')).pingCommand,
  },
  {
    spec: {
      name: 'paths',
      summary: 'Show every way to a peer, its state and why',
      args: [{ name: 'NODE', summary: 'Name, id or mesh address of the peer; all peers where absent' }],
      flags: [json],
    },
    load: async () => (await import('./paths.ts')).pathsCommand,
  },
  {
    spec: {
      name: 'history',
      summary: 'Show how a peer was reached of late: path, round trip, loss, bytes, a line a minute',
      description: 'The last three hours, since the agent started, of the 32 peers that were talked with last.',
      args: [{ name: 'NODE', summary: 'Name, id or mesh address of the peer', required: true }],
      flags: [json],
    },
    load: async () => (await import('./history.ts')).historyCommand,
  },
  {
    spec: {
      name: 'explain',
      summary: 'Say in sentences how a peer is reached, and why not better; with three words, who may reach whom',
      description:
        'Of an address of the internet it says which exit it is gone to by, or that it is blocked, which exits with 1. With FROM, TO and PORT it is `holdfast policy explain`.',
      args: [
        {
          name: 'NODE',
          summary: 'Name, id or mesh address of the peer, or any address outside; or FROM',
          required: true,
        },
        { name: 'TO', summary: 'Who is to be reached' },
        { name: 'PORT', summary: '443, 53/udp, or icmp' },
      ],
      flags: [json],
      examples: ['holdfast explain plc-7', 'holdfast explain 9.9.9.9', 'holdfast explain shop-1 plc-7 502'],
    },
    load: async () => (await import('./paths.ts')).explainCommand,
  },
  {
    spec: {
      name: 'netcheck',
      summary: 'Show what stands between this node and the others: NAT, ports, families',
      flags: [json],
    },
    load: async () => (await import('./paths.ts')).netcheckCommand,
  },
  {
    spec: {
      name: 'plan',
      summary: 'Show what the agent’s next turn would change',
      flags: [{ name: 'dry-run', summary: 'Change nothing; always so' }, interfaceFlag, json],
    },
    load: async () => (await import('./look.ts')).planCommand,
  },
  ...carryRows,
  {
    spec: {
      name: 'retry',
      summary: 'Try the revision again that this node took back',
      description: 'It is watched as at first: what breaks is taken back again.',
      flags: [json],
    },
    load: async () => (await import('./confirm.ts')).retryCommand,
  },
  {
    spec: {
      name: 'confirm',
      summary: 'End the watch over the newest revision: it counts as good',
      flags: [json],
    },
    load: async () => (await import('./confirm.ts')).confirmCommand,
  },
  networksRow,
  updateRow,
  ...policyRows,
  gateRow,
  ...flowsRows,
  ...mirrorRows,
  {
    spec: {
      name: 'relay',
      summary: 'Relay between nodes that cannot reach each other, without being part of the mesh',
      description:
        'Needs a device that joined. The kernel forwards: sessions go on when this ends. Open the relay port, the next one and the session ports for UDP, and the TLS port for TCP.',
      flags: [
        { name: 'port', value: 'PORT', summary: 'UDP port of the relay (default: of the node’s record, else 3478)' },
        {
          name: 'tls-port',
          value: 'PORT',
          summary: 'TCP port of the TLS relay (default: of the node’s record, else 443)',
        },
        { name: 'session-port', value: 'PORT', summary: 'First UDP port of the sessions (default 61000)' },
        { name: 'sessions', value: 'N', summary: 'Pairs of nodes at once (default 1024)' },
        { name: 'session-mbit', value: 'N', summary: 'Mbit/s of one end of a session (default 200)' },
        { name: 'total-mbit', value: 'N', summary: 'Mbit/s of all of a family together (default 1000)' },
        proxyFlag,
        hubBehindFlag,
        { name: 'cleanup', summary: 'Take the sessions out of the kernel, and end' },
      ],
      examples: ['holdfast relay --state /var/lib/holdfast --total-mbit 500'],
    },
    load: async () => (await import('./relay.ts')).relayCommand,
  },
  {
    spec: {
      name: 'doctor',
      summary: 'Show what this host has and lacks, and how to mend it',
      flags: [proxyFlag, json],
    },
    load: async () => (await import('./look.ts')).doctorCommand,
  },
  {
    spec: {
      name: 'self-test',
      summary: 'Try whether this build works on this machine',
      description:
        'Database, cryptography and planner by known answers, and the programs that come with it. Needs no root, touches neither network nor state, and exits with 1 if something fails.',
      flags: [json],
    },
    load: async () => (await import('./self-test.ts')).selfTestCommand,
  },
  ...lockRows,
  ...keysRows,
  {
    spec: {
      name: 'down',
      summary: 'End the agent and take everything of it out of the kernel',
      description:
        'The device stays a member, keeps its keys and what it holds, and the next start of the agent brings all of it back.',
      flags: [
        { ...interfaceFlag, summary: 'Name of the mesh interface (default: that of the agent’s last run)' },
        json,
      ],
    },
    load: async () => (await import('./down.ts')).downCommand,
  },
  ...leavingRows,
  {
    spec: {
      name: 'debug bundle',
      summary: 'Gather one archive for support, without secrets',
      flags: [
        { name: 'output', short: 'o', value: 'FILE', summary: 'Where to write it; - is standard output' },
        interfaceFlag,
        json,
      ],
    },
    load: async () => (await import('./debug-bundle.ts')).debugBundleCommand,
  },
  {
    spec: { name: 'version', summary: 'Show the version', flags: [json] },
    load: async () => (await import('./about.ts')).versionCommand,
  },
  {
    spec: {
      name: 'unpack',
      summary: 'Write out what this file carries: units, starter, licences',
      description: 'For who installs by hand. Files of these names are replaced, others left alone.',
      args: [{ name: 'DIR', summary: 'Directory; it is made where it is missing', required: true }],
      flags: [json],
      examples: ['holdfast unpack /opt/holdfast/units'],
    },
    load: async () => (await import('./unpack.ts')).unpackCommand,
  },
  {
    spec: {
      name: 'completion',
      summary: 'Print a completion script',
      args: [{ name: 'SHELL', summary: shells.join(', '), required: true }],
      examples: ['holdfast completion bash > /etc/bash_completion.d/holdfast'],
    },
    load: async () => (await import('./about.ts')).completionCommand,
  },
  {
    spec: { name: 'man', summary: 'Print the manual page', examples: ['holdfast man | man -l -'] },
    load: async () => (await import('./about.ts')).manCommand,
  },
]

export const program: ProgramSpec = {
  name: 'holdfast',
  summary: 'the agent of a mesh that outlives its hub',
  environment: 'HOLDFAST_',
  flags: common,
  commands: commands.map(({ spec }) => spec),
}
