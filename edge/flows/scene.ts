// What flows are judged by, and called, at the time: the policy that the kernel enforces, and who had which address.

import { type Address, contains, hostCidr } from '../../shared/address/cidr.ts'
import type { FlowReason } from '../../shared/flows/batch.ts'
import { flowPoliciesNamedMax } from '../../shared/limits.ts'
import type { Direction, Judgement, Reason } from '../../shared/policy/decision.ts'
import { reasonKey } from '../../shared/policy/decision.ts'
import { lookUp, protocolNamed, type Table } from '../../shared/policy/table.ts'
import type { Endpoint } from '../../shared/policy/world.ts'
import { blockInMesh, type Enforcement } from '../plan/enforcement.ts'
import type { FlowKey } from './counters.ts'

export interface Scene {
  readonly policy: Enforcement | undefined
  readonly endpoints: ReadonlyMap<Address, Endpoint>
  /** Of the intent in force. */
  readonly revision: string
}

export const emptyScene: Scene = { policy: undefined, endpoints: new Map(), revision: '0' }

/** Of this node in the mesh. */
export function ownAddresses({ endpoints, policy }: Scene): readonly Address[] {
  const { self } = policy ?? {}
  return self === undefined ? [] : (endpoints.get(self)?.addresses ?? [self])
}

/** The table that held at that time. */
function tableAt({ policy }: Scene, atMs: number): Table | undefined {
  const phases = policy?.phases ?? []
  return (phases.find(({ untilS }) => untilS === undefined || atMs < untilS * 1_000) ?? phases.at(-1))?.table
}

function isLocal({ policy }: Scene, table: Table | undefined, address: Address): boolean {
  if (address === policy?.self || table?.locals.has(address) === true) return true
  return policy?.forwards.some((forward) => contains(blockInMesh(forward), hostCidr(address))) === true
}

export function directionOf(scene: Scene, { destination, source }: FlowKey, atMs: number): Direction {
  const table = tableAt(scene, atMs)
  return isLocal(scene, table, destination) && !isLocal(scene, table, source) ? 'ingress' : 'egress'
}

/** What the table says of who would open it; undefined where there is none, or it speaks of neither end. */
export function judgeFlow(scene: Scene, flow: FlowKey, direction: Direction, atMs: number): Judgement | undefined {
  const table = tableAt(scene, atMs)
  if (table === undefined) return undefined
  const [own, other] = direction === 'ingress' ? [flow.destination, flow.source] : [flow.source, flow.destination]
  // A subnet without a judgement of its own is judged as the node in front of it.
  const local = table.locals.has(own) ? own : scene.policy?.self
  if (local === undefined) return undefined
  const protocol = protocolNamed(flow.protocol)
  return lookUp(table, { local, direction, other, protocol, port: flow.destinationPort })
}

const reasons = new WeakMap<Table, ReadonlyMap<number, Reason>>()

/** The reason that the kernel knows by that number; undefined for one of a table long gone. */
export function reasonOf(scene: Scene, rule: number, atMs: number): Reason | undefined {
  const table = tableAt(scene, atMs)
  if (table === undefined) return undefined
  const held = reasons.get(table)
  if (held !== undefined) return held.get(rule)
  const made = new Map<number, Reason>()
  for (const cell of new Set(table.cells.values())) {
    for (const { decision } of cell) made.set(table.cookies.get(reasonKey(decision.reason)) ?? 0, decision.reason)
  }
  reasons.set(table, made)
  return made.get(rule)
}

/** As it goes on record. */
export function recorded(reason: Reason): FlowReason {
  return reason.kind === 'isolated' ? { ...reason, policies: reason.policies.slice(0, flowPoliciesNamedMax) } : reason
}
