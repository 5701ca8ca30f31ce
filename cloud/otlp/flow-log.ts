// A flow on record as an OpenTelemetry log record, with the names of its semantic conventions where these have one
// (https://opentelemetry.io/docs/specs/semconv/registry/attributes/network/, …/source/, …/destination/) and `holdfast.*` beside
// them. Pure.

import type { FlowEnd, FlowLoss, FlowReason } from '../../shared/flows/batch.ts'
import type { ShownFlow } from '../../shared/flows/query.ts'
import { numberNames } from '../../shared/policy/number-names.ts'

export type Attributes = Record<string, string | number | string[]>

export interface LogRecord {
  readonly eventName: string
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number
  readonly severity: 'info' | 'warn'
  readonly body: string
  readonly attributes: Attributes
}

/** Whose record it is. */
export interface Reporter {
  readonly name: string
  readonly network: string
}

function present(all: Readonly<Record<string, string | number | string[] | undefined>>): Attributes {
  return Object.fromEntries(Object.entries(all).filter((entry) => entry[1] !== undefined)) as Attributes
}

function endOf(side: 'source' | 'destination', { address, labels = {}, name, node }: FlowEnd): Attributes {
  const own = Object.entries(labels).map(([key, value]) => [`holdfast.${side}.label.${key}`, value] as const)
  return present({
    [`${side}.address`]: address,
    [`holdfast.${side}.name`]: name,
    [`holdfast.${side}.node`]: node,
    ...Object.fromEntries(own),
  })
}

function reasonOf(reason: FlowReason): Attributes {
  switch (reason.kind) {
    case 'rule':
      return present({
        'holdfast.policy.name': reason.policy,
        'holdfast.policy.tier': reason.tier,
        'holdfast.policy.rule': `${reason.direction}[${reason.index}]`,
        'holdfast.policy.rule.name': reason.name,
      })
    case 'isolated':
      return { 'holdfast.policy.names': [...reason.policies] }
    case 'default':
      return {}
    case 'kernel':
      return { 'holdfast.kernel.word': reason.word }
  }
}

export function flowLog({ name, network }: Reporter, flow: ShownFlow): LogRecord {
  const { back, destination, destinationPort, direction, outside, path, protocol, reason, sent, source, verdict } = flow
  const isDrop = verdict === 'drop'
  const transport = numberNames.get(protocol) ?? String(protocol)
  const by = source.name ?? source.address
  const from = outside?.address === undefined ? by : `${outside.address} by ${by}`
  const who = `${from} → ${destination.name ?? destination.address}`
  const service = destinationPort === undefined ? transport : `${transport} ${destinationPort}`
  return {
    eventName: 'holdfast.flow',
    timestamp: flow.to,
    severity: isDrop ? 'warn' : 'info',
    body: `${isDrop ? 'denied' : 'accepted'} ${who} ${service}`,
    attributes: {
      ...endOf('source', source),
      ...endOf('destination', destination),
      ...present({
        'source.port': flow.sourcePort,
        // Whoever is behind the gateway that stands between (…/registry/attributes/client/).
        'client.address': outside?.address,
        'client.port': outside?.port,
        'holdfast.service': outside?.service,
        'destination.port': destinationPort,
        'network.transport': transport,
        'network.type': source.address.includes(':') ? 'ipv6' : 'ipv4',
        // Of who opened it, as its packets pass the node that says so.
        'network.io.direction': direction === 'ingress' ? 'receive' : 'transmit',
        'holdfast.node': name,
        'holdfast.network': network,
        'holdfast.verdict': verdict,
        'holdfast.reason': reason.kind,
        'holdfast.path': path,
        'holdfast.path.via': flow.via,
        'holdfast.revision': flow.revision,
        'holdfast.batch': flow.seq,
        'holdfast.flow.start': flow.from,
        'holdfast.flow.count': flow.flows ?? 1,
        'holdfast.sent.packets': sent.packets,
        'holdfast.sent.bytes': sent.bytes,
        'holdfast.back.packets': back.packets,
        'holdfast.back.bytes': back.bytes,
      }),
      ...reasonOf(reason),
    },
  }
}

export function lossLog({ name, network }: Reporter, { amount, why }: FlowLoss, seq: number, atMs: number): LogRecord {
  return {
    eventName: 'holdfast.flow.loss',
    timestamp: atMs,
    severity: 'warn',
    body: `flows of ${name} are not on record: ${why}`,
    attributes: present({
      'holdfast.node': name,
      'holdfast.network': network,
      'holdfast.batch': seq,
      'holdfast.loss.why': why,
      'holdfast.loss.packets': amount?.packets,
      'holdfast.loss.bytes': amount?.bytes,
    }),
  }
}
