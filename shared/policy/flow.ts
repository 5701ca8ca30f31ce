// A flow from end to end: allowed where its source may send it out AND its destination may take it in. Replies and what is
// related to an allowed flow pass with it, so only its first packet is asked about.

import type { Address } from '../address/cidr.ts'
import type { Decision, Direction, Protocol } from './decision.ts'
import type { Endpoint, World } from './world.ts'

export interface Flow {
  readonly from: Address
  readonly to: Address
  readonly protocol: Protocol
  readonly port: number
}

/** One end of a flow, and what it says. */
export interface Leg {
  readonly at: Endpoint
  readonly direction: Direction
  readonly decision: Decision
}

export interface FlowDecision {
  readonly verdict: 'accept' | 'drop'
  /** Ends that judge: those that are nodes of the mesh, or pods behind them. */
  readonly legs: readonly Leg[]
  /** Why nobody judges: words of the agents among themselves, or a flow that never leaves its node. */
  readonly exempt?: 'agent' | 'local'
}

export type Judge = (subject: Endpoint, direction: Direction, other: Address, flow: Flow) => Decision

/** Inside the mesh, UDP and TCP; no policy can cut a node off from being repaired. */
const defaultMeshPort = 51_822

function ownerOf(world: World, address: Address): Endpoint | undefined {
  return world.endpoints.find(({ addresses }) => addresses.includes(address))
}

function exemption(
  { port, protocol }: Flow,
  source: Endpoint | undefined,
  target: Endpoint | undefined,
): FlowDecision['exempt'] {
  if (source !== undefined && source.node !== '' && source.node === target?.node) return 'local'
  const isAgent = source?.kind === 'node' && target?.kind === 'node' && port === defaultMeshPort
  return isAgent && (protocol === 'TCP' || protocol === 'UDP') ? 'agent' : undefined
}

export function decideFlow(world: World, flow: Flow, judgeAt: Judge): FlowDecision {
  const [source, target] = [ownerOf(world, flow.from), ownerOf(world, flow.to)]
  const exempt = exemption(flow, source, target)
  if (exempt !== undefined) return { verdict: 'accept', legs: [], exempt }
  const legs: Leg[] = []
  if (source !== undefined && source.kind !== 'service') {
    const direction = 'egress'
    legs.push({ at: source, direction, decision: judgeAt(source, direction, flow.to, flow) })
  }
  if (target !== undefined && target.kind !== 'service') {
    const direction = 'ingress'
    legs.push({ at: target, direction, decision: judgeAt(target, direction, flow.from, flow) })
  }
  return { verdict: legs.every(({ decision }) => decision.verdict === 'accept') ? 'accept' : 'drop', legs }
}
