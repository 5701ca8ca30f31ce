// Flags that several commands have, and those of the agent.

import type { FlagSpec } from '../../shared/cli/command.ts'

export const json: FlagSpec = { name: 'json', summary: 'Print JSON' }
export const interfaceFlag: FlagSpec = {
  name: 'interface',
  value: 'NAME',
  summary: 'Name of the mesh interface (default hf0)',
}

export const proxyFlag: FlagSpec = {
  name: 'proxy',
  value: 'URL',
  summary: 'HTTP proxy that alone leads out, like http://proxy.example.org:3128; better in the config file',
}
export const hubBehindFlag: FlagSpec = {
  name: 'hub-behind',
  value: 'HOST:PORT',
  summary: 'Hub that shares the relay’s TLS port: what is not for the relay is passed on there, untouched',
}

export const agentFlags: readonly FlagSpec[] = [
  interfaceFlag,
  {
    name: 'attach',
    value: 'LIST',
    summary: 'Interfaces of this host that are the further network’s alone: eth0.20=192.168.20.1/24,eth1',
  },
  {
    name: 'listen-port',
    value: 'PORT',
    summary: 'UDP port of WireGuard (default 51820 with a public endpoint, else one of its own)',
  },
  {
    name: 'control-port',
    value: 'PORT',
    summary: 'UDP port of the path engine on this host (default the one above WireGuard’s)',
  },
  { name: 'mesh-port', value: 'PORT', summary: 'Port of the agent inside the mesh, UDP and TCP (default 51822)' },
  { name: 'lan-port', value: 'PORT', summary: 'Port on the LAN: UDP for beacons, TCP for gossip (default 51823)' },
  {
    name: 'names',
    value: 'MODE',
    summary: 'Answer for the names of the mesh, at the node’s addresses inside it (default on)',
    choices: ['on', 'off'],
  },
  {
    name: 'dns',
    value: 'WAY',
    summary: 'Who of this host is told to ask here for names of the mesh (default auto: who is there)',
    choices: ['auto', 'off', 'resolved', 'dnsmasq', 'networkmanager', 'file'],
  },
  { name: 'names-port', value: 'PORT', summary: 'Port of that, UDP and TCP (default 51824)' },
  {
    name: 'lan',
    value: 'BOOL',
    summary: 'Find the other nodes of a LAN by beacons (default true)',
    choices: ['true', 'false'],
  },
  {
    name: 'port-mapping',
    value: 'MODE',
    summary: 'Ask the router for an outside port, by PCP, NAT-PMP or UPnP (default auto)',
    choices: ['auto', 'off'],
  },
  {
    name: 'uplinks',
    value: 'MODE',
    summary: 'Go by another uplink where the preferred one lets nothing through (default auto)',
    choices: ['auto', 'off'],
  },
  {
    name: 'policy-driver',
    value: 'NAME',
    summary: 'What enforces policy: programs in the kernel where it takes them, else nft; or always nft (default auto)',
    choices: ['auto', 'nft'],
  },
  {
    name: 'flows',
    value: 'MODE',
    summary:
      'Keep on record who talks with whom through the mesh, for the hub too, or on this device alone (default on)',
    choices: ['on', 'local', 'off'],
  },
  {
    name: 'set-clock',
    value: 'BOOL',
    summary: 'Raise the clock to the last known time (default true)',
    choices: ['true', 'false'],
  },
  {
    name: 'metered',
    value: 'BOOL',
    summary: 'Spare an uplink paid by the byte (default false)',
    choices: ['true', 'false'],
  },
  {
    name: 'uplink-mbps',
    value: 'MBIT',
    summary: 'What the uplink carries out each second, where people know it (default: as it is seen to carry)',
  },
  {
    name: 'metrics',
    value: 'ADDR:PORT',
    summary:
      'Let a Prometheus scrape this node there; whoever reaches the port can read who talks with whom (default off)',
  },
  {
    name: 'kubernetes',
    value: 'WHERE',
    summary: 'Cluster whose pods lie behind this node: in-cluster, the path of a kubeconfig, or a URL (default none)',
  },
  {
    name: 'kubernetes-node',
    value: 'NAME',
    summary: 'Name of this host as a node of the cluster: its pods alone are read (default all that lie behind it)',
  },
  {
    name: 'idle-budget-bytes-per-day',
    value: 'BYTES',
    summary: 'What being reachable may cost while nobody uses it (default 2000000 where metered)',
  },
  {
    name: 'confirm-s',
    value: 'SECONDS',
    summary: 'How long a new revision is watched before it counts as good; 0 is off (default 30)',
  },
  {
    name: 'confirm-probes',
    value: 'LIST',
    summary: 'What must go on answering under it, like tcp:10.0.0.5:502,ping:10.0.0.1',
  },
  proxyFlag,
  hubBehindFlag,
]
