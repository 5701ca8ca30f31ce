// `serve`, as the table of commands has it.

import type { CommandSpec, FlagSpec } from '../../shared/cli/command.ts'

export const data: FlagSpec = {
  name: 'data',
  value: 'DIR',
  summary: 'Data directory of the hub; /var/lib/holdfast-hub where absent',
}

export const serve: CommandSpec = {
  name: 'serve',
  summary: 'Run the hub in the foreground',
  description:
    'Without any settings it starts whole: SQLite, an embedded MQTT broker, a certificate authority of its own, and one administrator token that is shown once.',
  flags: [
    data,
    { name: 'config', value: 'FILE', summary: 'Settings in YAML; flags win over it' },
    { name: 'listen', value: 'ADDR', summary: 'HTTPS: API, enrolment, MQTT over WebSocket; 0.0.0.0:8443 where absent' },
    {
      name: 'mqtt',
      value: 'ADDR',
      summary:
        'MQTT over TLS of the embedded broker; 0.0.0.0:8883 where absent, and the address of --listen shares its port',
    },
    { name: 'url', value: 'URL', summary: 'How devices reach the hub, like https://hub.example.org:8443' },
    { name: 'name', value: 'HOST', repeat: true, summary: 'Another name or address for the certificate' },
    {
      name: 'trust-proxy',
      value: 'BLOCK',
      repeat: true,
      summary: 'Believe relays and proxies there about the source of connections; this machine where absent',
    },
    { name: 'broker', value: 'URL', summary: 'Use this Mosquitto instead: mqtts://ADMIN:PASSWORD@HOST:8883?ca=FILE' },
    { name: 'broker-public', value: 'URL', summary: 'How devices reach that broker, where it differs' },
    {
      name: 'otlp',
      value: 'URL',
      summary: 'Send flows to this OpenTelemetry collector, as logs and metrics: http://HOST:4318',
    },
    { name: 'otlp-headers', value: 'FILE', summary: 'Headers for it, `Name: value` a line, such as a token' },
    {
      name: 'kubernetes',
      summary:
        'Take intent from the objects of a cluster, and keep the state there, for several replicas; KUBECONFIG, or the own pod’s',
    },
    {
      name: 'service',
      value: 'NAME',
      summary: 'The Service there that leads to the hub; holdfast-hub where absent',
    },
    {
      name: 'lease-seconds',
      value: 'S',
      summary: 'A replica that is not heard of for so long is followed by another; 15 where absent',
    },
    {
      name: 'cluster-name',
      value: 'NAME',
      summary:
        'What that cluster is called here, for good: it stands in the names of what is read there; kube where absent',
    },
    {
      name: 'cluster-network',
      value: 'NETWORK',
      summary: 'Network of what that cluster holds besides intent; default where absent',
    },
    {
      name: 'cluster-node-labels',
      summary:
        'Label the Nodes of that cluster with how good the uplinks of devices are; needs the right to patch them',
    },
    { name: 'log-level', value: 'LEVEL', summary: 'Least level to log', choices: ['debug', 'info', 'warn', 'error'] },
    { name: 'log-format', value: 'FORMAT', summary: 'Form of log lines', choices: ['text', 'json', 'journal'] },
  ],
  examples: ['holdfast-hub serve --data ./hub --url https://hub.example.org:8443'],
}
