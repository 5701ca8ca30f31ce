// Service: a name and a stable virtual address in front of several nodes, or of pods behind them.

import * as v from 'valibot'
import { integer, name, port, selector } from './field.ts'
import { networkRef } from './network.ts'
import { publications } from './publish.ts'
import { about, rule } from './rule.ts'

/** On a node, with the value `true`: it leaves all services; flows that it has go on, and it gets no new ones. */
export const drainLabel = 'holdfast.dev/drain'

const servicePort = v.strictObject({
  name: about(v.optional(name), 'By which policies may name it.'),
  protocol: about(v.optional(v.picklist(['TCP', 'UDP']), 'TCP'), 'Of the transport.'),
  port: about(port, 'Port of the service.'),
  targetPort: about(
    v.optional(v.union([port, name])),
    'Port on the backend, or what a pod calls it; `port` where absent.',
  ),
})

const servicePods = v.strictObject({
  namespace: about(name, 'Namespace of the pods.'),
  podSelector: about(selector, 'The pods by their labels.'),
  publishNotReady: about(v.optional(v.boolean()), 'Pods that are not ready serve as well.'),
})
export type ServicePods = v.InferOutput<typeof servicePods>

export const serviceSpec = v.pipe(
  v.strictObject({
    network: networkRef,
    ports: about(v.pipe(v.array(servicePort), v.minLength(1), v.maxLength(64)), 'What the service offers.'),
    backends: about(selector, 'The nodes that serve it, or whose pods do.'),
    pods: about(v.optional(servicePods), 'The pods behind those nodes that serve it, in place of the nodes.'),
    headless: about(
      v.optional(v.boolean()),
      'It has no address: its name answers with the addresses of the pods that are ready.',
    ),
    clientAffinityS: about(
      v.optional(integer(1, 86_400)),
      'Connections from one address go to the same backend for as long as that serves. Seconds, as ServiceImports tell them.',
    ),
    export: about(
      v.optional(
        v.strictObject({
          cluster: about(name, 'The cluster that exports it.'),
          namespace: about(name, 'Namespace of the service there.'),
          service: about(name, 'Name of the service there.'),
        }),
      ),
      'What it is called in a set of clusters: `service.namespace.svc.clusterset.local`.',
    ),
    publish: about(publications, 'Where it is found from outside the mesh.'),
    probe: about(
      v.optional(
        v.strictObject({
          protocol: about(v.optional(v.picklist(['TCP', 'HTTP']), 'TCP'), 'HTTP asks for a page, TCP connects.'),
          port: about(port, 'Port that is asked.'),
          path: about(
            v.optional(v.pipe(v.string(), v.regex(/^\/[\x21-\x7e]{0,255}$/, 'is not a path of printable characters'))),
            'Path of the page, for HTTP.',
          ),
          intervalS: about(v.optional(integer(1, 3_600), 10), 'Seconds between two questions.'),
          timeoutMs: about(v.optional(integer(50, 60_000), 2_000), 'Milliseconds to wait for an answer.'),
        }),
      ),
      'How it is known whether a backend serves.',
    ),
  }),
  rule(
    (s) => new Set(s.ports.map((p) => `${p.protocol}/${p.port}`)).size === s.ports.length,
    'ports lists the same protocol and port twice',
    'self.ports.all(a, self.ports.filter(b, b.port == a.port && b.protocol == a.protocol).size() == 1)',
  ),
  rule(
    (s) => s.pods !== undefined || s.ports.every(({ targetPort }) => typeof targetPort !== 'string'),
    'targetPort is a name, which only pods have for their ports',
    'has(self.pods) || self.ports.all(a, !has(a.targetPort) || type(a.targetPort) == int)',
  ),
  rule(
    ({ clientAffinityS, headless, pods, probe, publish }) =>
      headless !== true || (pods !== undefined && [probe, clientAffinityS, publish].every((one) => one === undefined)),
    'a headless service is answered with pods, which nobody leads to or asks: it has pods, and no probe, clientAffinityS or publish',
    '!has(self.headless) || !self.headless || (has(self.pods) && !has(self.probe) && !has(self.clientAffinityS) && !has(self.publish))',
  ),
  rule(
    ({ ports, publish = [] }) =>
      publish.every((p) =>
        ports.some((q) => (q.protocol === 'UDP') === (p.protocol === 'UDP') && q.port === (p.servicePort ?? p.port)),
      ),
    'publish names a port that the service does not have in this protocol; say which it is in servicePort',
    "!has(self.publish) || self.publish.all(a, self.ports.exists(b, (b.protocol == 'UDP') == (a.protocol == 'UDP') && b.port == (has(a.servicePort) ? a.servicePort : a.port)))",
  ),
)
