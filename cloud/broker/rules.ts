// What an agent may say to the embedded broker. Pure: each function returns what is wrong, if anything.

import { flowMessageBytesMax } from '../../shared/flow-limits.ts'
import type { NetworkId, NodeId } from '../../shared/ids.ts'
import {
  chunkBytesMax,
  deviceLinksBytesMax,
  factBytesMax,
  overrideReportBytesMax,
  requestBytesMax,
  statusBytesMax,
} from '../../shared/limits.ts'
import { agentMayPublish, type NodeChannel, topics } from '../../shared/wire/topics.ts'
import { clusterPacketBytesMax } from '../clusters/cluster-limits.ts'

export interface Member {
  readonly node: NodeId
  readonly network: NetworkId
}

export interface Publication {
  readonly topic: string
  readonly bytes: number
  readonly retain: boolean
  readonly qos: number
}

/** A signature and its header around a fact, and the links that lead to who signed it. */
const ENVELOPE_BYTES = 128 + deviceLinksBytesMax
const PRESENCE_BYTES_MAX = 256

const bytesMax: Record<NodeChannel, number> = {
  req: requestBytesMax,
  fact: factBytesMax + ENVELOPE_BYTES,
  status: statusBytesMax,
  presence: PRESENCE_BYTES_MAX,
  ledger: flowMessageBytesMax,
  override: overrideReportBytesMax + deviceLinksBytesMax,
  // Of agents of clusters, each of which has a network to itself; in those of devices nobody hears it.
  cluster: clusterPacketBytesMax,
  answer: chunkBytesMax,
}

/** Latest-wins channels; a retained request or ledger batch would be replayed to the hub at each of its connects. */
const retainable: ReadonlySet<NodeChannel> = new Set(['fact', 'status', 'presence', 'override'])

export function publicationFault(member: Member, publication: Publication): string | undefined {
  const { topic, bytes, retain, qos } = publication
  if (!agentMayPublish(topic, member.network, member.node)) return 'it may not publish there'
  const channel = topic.slice(topic.lastIndexOf('/') + 1) as NodeChannel
  if (bytes > bytesMax[channel]) return `${bytes} bytes are more than the ${bytesMax[channel]} of ${channel}`
  if (retain && !retainable.has(channel)) return `${channel} is not to be retained`
  // QoS 2 costs the broker state for each message and buys nothing: every message of ours may come twice.
  if (qos > 1) return 'QoS 2 is not offered'
  return undefined
}

export function willFault(member: Member, will: Publication): string | undefined {
  if (will.topic !== topics.node(member.network, member.node, 'presence')) return 'its will is not its own presence'
  return publicationFault(member, will)
}

/** A persistent session would queue for an absent node without end; revisions are the recovery, not the queue. */
export function connectFault(node: string, clientId: string, clean: boolean): string | undefined {
  if (clientId !== node) return 'its client id is not its node id'
  if (!clean) return 'it asks for a persistent session'
  return undefined
}
