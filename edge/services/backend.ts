// Who stands behind a service: nodes, or pods behind them. Pure.

import type { Address } from '../../shared/address/cidr.ts'
import { mainAddresses } from '../../shared/address/mesh-blocks.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import { serviceBackendsMax } from '../../shared/service-limits.ts'
import { type PlacedPod, type PodsAround, podsServing } from './placed-pods.ts'

type Spec = BodyOf<'service'>['spec']
type NodeRecord = BodyOf<'node'>

export interface BackendPort {
  readonly protocol: 'TCP' | 'UDP'
  /** Of the service. */
  readonly port: number
  readonly targetPort: number
}

/** A node that serves, or a pod behind it. */
export interface Backend {
  /** Of a pod `namespace/name`. */
  readonly name: string
  /** Itself, or the one that leads to it. */
  readonly node: NodeId
  /** Name of that node, of a pod. */
  readonly behind?: Name
  readonly addresses: readonly Address[]
  /** It is this very node, or behind it. */
  readonly here: boolean
  /** It is leaving: what runs goes on, and nothing new comes. */
  readonly drains: boolean
  /** What a pod is called below the name of a headless service. */
  readonly host?: PlacedPod['pod']['host']
  /** Of a pod, by the word of its cluster; absent where nobody says, and for nodes. */
  readonly ready?: boolean
  /** What it has of the service, and where. */
  readonly ports: readonly BackendPort[]
  readonly probe: Spec['probe']
}

export interface BackendsAround extends PodsAround {
  /** Addresses that are virtual themselves serve nobody: packets would go round and round. */
  readonly virtual: ReadonlySet<Address>
  readonly leaves: (node: NodeRecord) => boolean
}

export interface Found {
  readonly backends: readonly Backend[]
  /** How many more there are. */
  readonly beyond: number
}

/** By the name of a port only where it has one of that name. */
function portsOf({ ports }: Spec, named: PlacedPod['pod']['ports'] = []): readonly BackendPort[] {
  return ports.flatMap(({ port, protocol, targetPort = port }) => {
    if (typeof targetPort === 'number') return { port, protocol, targetPort }
    const own = named.find((one) => one.name === targetPort && one.protocol === protocol)
    return own === undefined ? [] : { port, protocol, targetPort: own.port }
  })
}

function nodeBackend(node: NodeRecord, spec: Spec, { leaves, self, virtual }: BackendsAround): Backend {
  return {
    name: node.name,
    node: node.nodeId,
    addresses: mainAddresses(node.addresses).filter((address) => !virtual.has(address)),
    here: node.nodeId === self?.nodeId,
    drains: leaves(node),
    ports: portsOf(spec),
    probe: spec.probe,
  }
}

function podBackend({ addresses, pod, ready: told }: PlacedPod, node: NodeRecord, spec: Spec, around: BackendsAround) {
  const ready = spec.pods?.publishNotReady === true ? true : told
  const backend: Backend = {
    name: `${pod.namespace}/${pod.name}`,
    node: node.nodeId,
    behind: node.name,
    addresses: addresses.filter((address) => !around.virtual.has(address)),
    here: node.nodeId === around.self?.nodeId,
    drains: around.leaves(node),
    ...(pod.host === undefined ? {} : { host: pod.host }),
    ...(ready === undefined ? {} : { ready }),
    ports: portsOf(spec, pod.ports),
    probe: spec.probe,
  }
  return backend
}

/** Own ones first, and of the others each node's first, then each one's second: no site is left out for another's many. */
function byTurns(lists: readonly (readonly Backend[])[]): readonly Backend[] {
  const turns = lists.flatMap((list) => {
    const sorted = list.toSorted((a, b) => Number(a.ready === false) - Number(b.ready === false))
    return sorted.map((backend, turn) => ({ backend, turn: backend.here ? -1 : turn }))
  })
  const rank = ({ ready }: Backend): number => Number(ready === false)
  turns.sort((a, b) => rank(a.backend) - rank(b.backend) || a.turn - b.turn)
  return turns.map(({ backend }) => backend)
}

/** `nodes`: those that the service selects, in order. At most `most`, and never more than one service may have. */
export function backendsOf(nodes: readonly NodeRecord[], spec: Spec, around: BackendsAround, most: number): Found {
  const { pods } = spec
  const limit = Math.min(most, serviceBackendsMax)
  if (pods === undefined) {
    const backends = nodes.slice(0, limit).map((node) => nodeBackend(node, spec, around))
    return { backends, beyond: nodes.length - backends.length }
  }
  const all = nodes.map((node) => podsServing(node, pods, around).map((one) => podBackend(one, node, spec, around)))
  const ordered = byTurns(all)
  const backends = ordered.slice(0, limit)
  backends.sort((a, b) => compareText(a.name, b.name) || compareText(a.node, b.node))
  return { backends, beyond: ordered.length - backends.length }
}
