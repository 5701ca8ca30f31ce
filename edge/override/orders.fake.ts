// Orders for overrides, and what is seen of them on an agent's bench.

import { parseAddress } from '../../shared/address/cidr.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { parseName } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { readOverrides, type ToldOverride } from '../../shared/override/report.ts'
import type { Decision } from '../../shared/policy/decision.ts'
import { lookUp } from '../../shared/policy/table.ts'
import { topics } from '../../shared/wire/topics.ts'
import { begin, me, other, type Rig } from '../agent-rig.fake.ts'
import { testNetwork } from '../link/hub.fake.ts'
import type { OverrideOrder } from './book.ts'

export const by = { uid: 0, login: 'anna' } as const

export function policy(name: string, spec: object): OverrideOrder['policies'][number] {
  return { name: parseName(name), spec: parseWith(specs.Policy, spec) }
}
export const openPort = { subject: { nodeSelector: {} }, ingress: [{ ports: [{ protocol: 'TCP', port: 8080 }] }] }

export function order(changes: Partial<OverrideOrder> = {}): OverrideOrder {
  return { policies: [policy('open', openPort)], durationMs: 3_600_000, reason: 'line 3 is down', by, ...changes }
}

/** What the kernel says now of TCP to port 8080 from a peer. */
function enforced({ clock, kernel }: Rig): Decision | undefined {
  const { phases = [], self } = kernel.policy ?? {}
  const now = phases.find(({ untilS }) => untilS === undefined || clock.now() < untilS * 1_000)
  if (now === undefined || self === undefined) return undefined
  return lookUp(now.table, {
    local: self,
    direction: 'ingress',
    other: parseAddress(other.address),
    protocol: 'TCP',
    port: 8080,
  })
}
/** The policy that opens or closes it. */
export function enforcedBy(rig: Rig): string | undefined {
  const reason = enforced(rig)?.reason
  return reason?.kind === 'rule' ? reason.policy : undefined
}
/** By a policy, and not because none decides. */
export const isOpen = (rig: Rig): boolean => enforced(rig)?.verdict === 'accept' && enforcedBy(rig) !== undefined
export const events = ({ store }: Rig): string[] => store.loadJournal(100).map(({ event }) => event)

export function told({ broker }: Rig): readonly ToldOverride[] {
  const bytes = broker.retained(topics.node(testNetwork, me.nodeId, 'override'))
  if (bytes === undefined) return []
  return readOverrides(bytes, { network: testNetwork, node: me.nodeId, key: me.deviceKey, verify, sha256 })
}

/** An agent that is cut off from its hub. */
export async function cutOff(): Promise<Rig> {
  const rig = begin()
  await rig.agent.start()
  await rig.advance(1_000)
  return rig
}
