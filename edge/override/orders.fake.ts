// Orders for overrides, and what is seen of them on an agent's bench.

import { sha256, verify } from '../../shared/host/crypto.ts'
import { parseName } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { readOverrides, type ToldOverride } from '../../shared/override/report.ts'
import { topics } from '../../shared/wire/topics.ts'
import { begin, me, type Rig } from '../agent-rig.fake.ts'
import { testNetwork } from '../link/hub.fake.ts'
import { renderPolicy } from '../plan/nft-policy.ts'
import type { OverrideOrder } from './book.ts'

export const by = { uid: 0, login: 'anna' } as const

export function policy(name: string, spec: object): OverrideOrder['policies'][number] {
  return { name: parseName(name), spec: parseWith(specs.Policy, spec) }
}
export const openPort = { subject: { nodeSelector: {} }, ingress: [{ ports: [{ protocol: 'TCP', port: 8080 }] }] }

export function order(changes: Partial<OverrideOrder> = {}): OverrideOrder {
  return { policies: [policy('open', openPort)], durationMs: 3_600_000, reason: 'line 3 is down', by, ...changes }
}

export const enforced = ({ kernel }: Rig): string => (kernel.policy === undefined ? '' : renderPolicy(kernel.policy))
export const isOpen = (rig: Rig): boolean => enforced(rig).includes('tcp dport 8080 accept')
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
