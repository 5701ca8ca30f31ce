// The MQTT topics. `{net}` and `{node}` are ids, never user text, so a topic needs no escaping.

import { type NetworkId, type NodeId, parseNetworkId, parseNodeId } from '../ids.ts'

const ROOT = 'hf/1'

/** What a node says under its own branch. */
export const nodeChannels = ['req', 'fact', 'status', 'presence', 'ledger', 'override', 'answer', 'cluster'] as const
export type NodeChannel = (typeof nodeChannels)[number]

export const topics = {
  head: (net: NetworkId) => `${ROOT}/${net}/head`,
  delta: (net: NetworkId) => `${ROOT}/${net}/delta`,
  hub: (net: NetworkId) => `${ROOT}/${net}/hub`,
  rsp: (net: NetworkId, node: NodeId) => `${ROOT}/${net}/n/${node}/rsp`,
  node: (net: NetworkId, node: NodeId, channel: NodeChannel) => `${ROOT}/${net}/n/${node}/${channel}`,
} as const

/** What an agent subscribes to: the hub's word, the replies to itself, and the facts of all nodes. */
export function agentFilters(net: NetworkId, node: NodeId): readonly string[] {
  return [topics.head(net), topics.delta(net), topics.hub(net), topics.rsp(net, node), `${ROOT}/${net}/n/+/fact`]
}

/** What the hub subscribes to, for all networks. */
export const hubFilters: readonly string[] = nodeChannels.map((channel) => `${ROOT}/+/n/+/${channel}`)

export type Topic =
  | { readonly type: 'head' | 'delta' | 'hub'; readonly network: NetworkId }
  | { readonly type: NodeChannel | 'rsp'; readonly network: NetworkId; readonly node: NodeId }

/** Undefined for a topic that is none of ours. */
export function parseTopic(topic: string): Topic | undefined {
  const parts = topic.split('/')
  if (parts.length < 4 || parts[0] !== 'hf' || parts[1] !== '1') return undefined
  try {
    const network = parseNetworkId(parts[2] ?? '')
    const last = parts.at(-1) ?? ''
    if (parts.length === 4) {
      return last === 'head' || last === 'delta' || last === 'hub' ? { type: last, network } : undefined
    }
    if (parts.length !== 6 || parts[3] !== 'n') return undefined
    const node = parseNodeId(parts[4] ?? '')
    if (last === 'rsp') return { type: 'rsp', network, node }
    const channel = nodeChannels.find((known) => known === last)
    return channel === undefined ? undefined : { type: channel, network, node }
  } catch {
    return undefined
  }
}

/** The topic rules: an agent writes only under its own branch, never its own replies. */
export function agentMayPublish(topic: string, net: NetworkId, node: NodeId): boolean {
  return nodeChannels.some((channel) => topic === topics.node(net, node, channel))
}

export function agentMaySubscribe(filter: string, net: NetworkId, node: NodeId): boolean {
  return agentFilters(net, node).includes(filter)
}
