// Flows in the shape that Hubble's tools read (cilium/cilium, api/v1/flow/flow.proto, as `hubble observe -o json` prints it): one
// document a line. What has no field there is left out; ports of ICMP are none.

import type { FlowEnd, FlowReason } from '../../shared/flows/batch.ts'
import type { FleetFlow } from '../flows/fleet-flows.ts'

type Json = Readonly<Record<string, unknown>>

function endOf({ labels = {}, name, node }: FlowEnd): Json {
  const words = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
  return {
    labels: words.map((word) => `holdfast:${word}`),
    ...(name === undefined ? {} : { workloads: [{ name, kind: name === node ? 'Node' : 'Endpoint' }] }),
  }
}

/** Who asked from outside is the source there, and the gateway what its address was translated to; labels are the gateway's. */
function sourceOf({ outside, source }: FleetFlow): Json {
  if (outside?.address === undefined) return { source: source.address }
  return { source: outside.address, source_xlated: source.address }
}

function layer4({ destinationPort, outside, protocol, sourcePort }: FleetFlow): Json {
  const port = outside?.address === undefined ? sourcePort : outside.port
  const ports = {
    ...(port === undefined ? {} : { source_port: port }),
    ...(destinationPort === undefined ? {} : { destination_port: destinationPort }),
  }
  switch (protocol) {
    case 1:
      return { l4: { ICMPv4: {} } }
    case 6:
      return { l4: { TCP: ports } }
    case 17:
      return { l4: { UDP: ports } }
    case 58:
      return { l4: { ICMPv6: {} } }
    case 132:
      return { l4: { SCTP: ports } }
    default:
      return {}
  }
}

function policyOf(reason: FlowReason): readonly Json[] {
  if (reason.kind === 'rule') return [{ name: reason.policy, kind: 'Policy' }]
  return reason.kind === 'isolated' ? reason.policies.map((name) => ({ name, kind: 'Policy' })) : []
}

/** As a line without its end. */
export function hubbleLine(flow: FleetFlow): string {
  const { destination, destinationNow, direction, node, outside, reason, source, sourceNow, verdict } = flow
  const time = new Date(flow.to).toISOString()
  const isDrop = verdict === 'drop'
  const policies = `${direction}_${isDrop ? 'denied' : 'allowed'}_by`
  return JSON.stringify({
    flow: {
      time,
      verdict: isDrop ? 'DROPPED' : 'FORWARDED',
      ...(isDrop ? { drop_reason_desc: 'POLICY_DENIED' } : {}),
      IP: {
        ...sourceOf(flow),
        destination: destination.address,
        ipVersion: source.address.includes(':') ? 'IPv6' : 'IPv4',
      },
      ...layer4(flow),
      source: endOf(source),
      destination: endOf(destination),
      ...(sourceNow === undefined ? {} : { source_names: [sourceNow] }),
      ...(destinationNow === undefined ? {} : { destination_names: [destinationNow] }),
      ...(outside === undefined ? {} : { destination_service: { name: outside.service } }),
      Type: 'L3_L4',
      node_name: node,
      traffic_direction: direction === 'ingress' ? 'INGRESS' : 'EGRESS',
      is_reply: false,
      [policies]: policyOf(reason),
    },
    node_name: node,
    time,
  })
}
